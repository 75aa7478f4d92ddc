-- One writer tells one tag its own counts of up to 400 songs: see docs/cluster.md.
--
-- KEYS  1 the tag's fences   2 the tag's log
--       then for each bucket that the songs are in: the totals, the writer's counts;
--       when songs are to be counted: then the writer's counts of all buckets
-- ARGV  1 epoch   2 whose fence   3 whose counts   4 expected fence ("*": any)
--       5 next fence ("": only look)   6 log position to read from ("": do not)
--       7 how many buckets   8 how many keys to count songs in
--       then for each bucket: how many songs; then id, count of each
--
-- Answers {"epoch", E}: the cluster is in a later epoch, nothing is done;
--         {"fence", F}: that is the fence, nothing is done;
--         {"ok", F, larger, songs, position, changed...}: done; F is the fence that
--         was there, `larger` how many songs the writer had told more of, `songs` how
--         many it has in the tag. `position` is the end of the log, "" if the log does
--         not reach back to where it was read from; then come "writer\nid\nid..."
--
-- Every key is declared, and everything is read before anything is written: a key of
-- a wrong type or a slot that is just moving stops the script before it changed
-- anything.
local fences, log = KEYS[1], KEYS[2]
local epoch, fence_of, writer = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local expected, next_fence, position = ARGV[4], ARGV[5], ARGV[6]
local buckets, counted = tonumber(ARGV[7]), tonumber(ARGV[8])
local call = redis.call

local there = tonumber(call('HGET', fences, 'epoch') or 0)
if there > epoch then
    return {'epoch', string.format('%.0f', there)}
end
if next_fence == '' then
    return {'ok', '', 0, 0, ''}
end
local old = {}
local fence = ''
if there == epoch then
    fence = call('HGET', fences, fence_of) or ''
elseif there > 0 then
    old = call('HGETALL', fences)
end
if expected ~= '*' and fence ~= expected and fence ~= next_fence then
    return {'fence', fence}
end

-- Read.
local at, larger, changed = 9, 0, {}
local writes = {}
for b = 1, buckets do
    local totals, own = KEYS[2 * b + 1], KEYS[2 * b + 2]
    local n = tonumber(ARGV[at])
    local ids, counts = {}, {}
    for i = 1, n do
        ids[i], counts[i] = ARGV[at + 2 * i - 1], tonumber(ARGV[at + 2 * i])
    end
    at = at + 1 + 2 * n
    local had = call('HMGET', own, unpack(ids))
    local sums = call('HMGET', totals, unpack(ids))
    local new_own, new_totals = {}, {}
    for i = 1, n do
        local before, sum = tonumber(had[i] or 0), tonumber(sums[i] or 0)
        if not before or not sum then
            return redis.error_reply('WRONGTYPE a count in ' .. own .. ' or '
                .. totals .. ' is not a number')
        end
        if counts[i] > before then
            local k = #new_own
            new_own[k + 1], new_own[k + 2] = ids[i], string.format('%.0f', counts[i])
            new_totals[k + 1] = ids[i]
            new_totals[k + 2] = string.format('%.0f', sum + counts[i] - before)
            changed[#changed + 1] = ids[i]
        elseif counts[i] < before then
            larger = larger + 1
        end
    end
    if #new_own > 0 then
        writes[#writes + 1] = {own, new_own}
        writes[#writes + 1] = {totals, new_totals}
    end
end
call('XLEN', log)
for i = 1, counted do
    call('HLEN', KEYS[2 + 2 * buckets + i])
end

-- Write.
if there < epoch then
    call('DEL', fences, log)
    call('HSET', fences, 'epoch', ARGV[1])
    -- Whose keys of which epoch are to be deleted.
    local writers = {}
    for i = 1, #old, 2 do
        if string.sub(old[i], 1, 4) == 'old:' then
            call('HSET', fences, old[i], old[i + 1])
        elseif old[i] ~= 'epoch' then
            writers[#writers + 1] = old[i]
        end
    end
    if #writers > 0 then
        call('HSET', fences, 'old:' .. string.format('%.0f', there),
            table.concat(writers, ' '))
    end
end
for i = 1, #writes do
    call('HSET', writes[i][1], unpack(writes[i][2]))
end
if fence ~= next_fence then
    call('HSET', fences, fence_of, next_fence)
end
if #changed > 0 then
    -- About 6,400 ids are kept, in at least 16 entries.
    local most = math.max(16, math.min(1024, math.floor(6400 / #changed)))
    call('XADD', log, 'MAXLEN', most, '*', 'w', writer, 's',
        table.concat(changed, '\n'))
end
local songs = 0
for i = 1, counted do
    songs = songs + call('HLEN', KEYS[2 + 2 * buckets + i])
end

local answer = {'ok', fence, larger, songs, ''}
if position == '' then
    return answer
end
local entries = call('XRANGE', log, position, '+')
local reaches = entries[1] and entries[1][1] == position
if not reaches and not (position == '0-0' and call('XLEN', log) == 0) then
    return answer
end
answer[5] = reaches and entries[#entries][1] or '0-0'
for i = 2, #entries do
    answer[#answer + 1] = entries[i][2][2] .. '\n' .. entries[i][2][4]
end
return answer
