-- Run in Redis: stores one writer's own counts of up to 400 songs in a tag, and raises
-- the totals. See docs/cluster.md.
--
-- KEYS  1 the tag's fences   2 the tag's log of changes
--       then for each bucket that the songs are in: the totals, the writer's counts;
--       when songs are to be counted: then the writer's counts of all buckets
-- ARGV  1 epoch   2 whose fence   3 whose counts   4 expected fence ("*": any)
--       5 next fence ("": only look)   6 log position to read from ("": do not)
--       7 how many buckets   8 how many keys to count songs in
--       then for each bucket: how many songs; then id, count of each
--
-- Answers {"epoch", E}: the cluster is in a later epoch, nothing is done;
--         {"fence", F}: that is the fence, nothing is done;
--         {"ok", F, larger, songs, position, changes...}: done; F is the fence that
--         was there, `larger` how many songs the writer had told more of, `songs` how
--         many it has in the tag. `position` is the end of the log, "" if the log does
--         not reach back to where it was read from; then come the totals that others
--         have changed since, and those of the songs told here of which others have
--         some, as "id\ntotal\nid\ntotal..."
--
-- Every key is declared, and everything is read before anything is written: a key of
-- a wrong type or a slot that is just moving stops the script before it changed
-- anything.
local fences, log = KEYS[1], KEYS[2]
local epoch, fence_of, writer = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local expected, next_fence, position = ARGV[4], ARGV[5], ARGV[6]
local buckets, counted = tonumber(ARGV[7]), tonumber(ARGV[8])
local call, format = redis.call, string.format

local found = call('HMGET', fences, 'epoch', fence_of)
local there = tonumber(found[1] or 0)
if there > epoch then
    return {'epoch', format('%.0f', there)}
end
if next_fence == '' then
    return {'ok', '', 0, 0, ''}
end
local old = {}
local fence = ''
if there == epoch then
    fence = found[2] or ''
elseif there > 0 then
    old = call('HGETALL', fences)
end
if expected ~= '*' and fence ~= expected and fence ~= next_fence then
    return {'fence', fence}
end

-- Read.
local at, larger = 9, 0
local writes, changed, shared = {}, {}, {}
for b = 1, buckets do
    local totals, own = KEYS[2 * b + 1], KEYS[2 * b + 2]
    local n = tonumber(ARGV[at])
    local ids = {}
    for i = 1, n do
        ids[i] = ARGV[at + 2 * i - 1]
    end
    local had = call('HMGET', own, unpack(ids))
    local sums = call('HMGET', totals, unpack(ids))
    local new_own, new_totals, w = {}, {}, 0
    for i = 1, n do
        local told = ARGV[at + 2 * i]
        local count, before, sum = tonumber(told), tonumber(had[i] or 0), tonumber(sums[i] or 0)
        if not before or not sum then
            return redis.error_reply('WRONGTYPE a count in ' .. own .. ' or '
                .. totals .. ' is not a number')
        end
        local total = sums[i]
        if count > before then
            sum = sum + count - before
            total = sum == count and told or format('%.0f', sum)
            new_own[w + 1], new_own[w + 2] = ids[i], told
            new_totals[w + 1], new_totals[w + 2] = ids[i], total
            w = w + 2
            changed[#changed + 1] = ids[i]
            changed[#changed + 1] = total
            before = count
        elseif count < before then
            larger = larger + 1
        end
        if sum > before then
            shared[#shared + 1] = ids[i]
            shared[#shared + 1] = total
        end
    end
    at = at + 1 + 2 * n
    if w > 0 then
        writes[#writes + 1] = {own, new_own}
        writes[#writes + 1] = {totals, new_totals}
    end
end
local logged = call('XLEN', log)
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
        call('HSET', fences, 'old:' .. format('%.0f', there),
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
    local entry = {'*', 'w', writer, 't', table.concat(changed, '\n')}
    if logged % 16 == 0 or #changed > 80 then
        -- Kept are the last 1,024 requests, or four of each writer; but no more songs
        -- than 1,600, or half of what the tag has in its 16 buckets: then all can be read.
        local songs = math.max(1600, 8 * call('HLEN', KEYS[3]))
        local most = math.min(math.max(1024, 4 * call('HLEN', fences)),
            math.floor(2 * songs / #changed))
        call('XADD', log, 'MAXLEN', math.max(4, most), unpack(entry))
    else
        call('XADD', log, unpack(entry))
    end
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
local first = 1
if entries[1] and entries[1][1] == position then
    first = 2
elseif position ~= '0-0' or logged > 0 then
    return answer
end
answer[5] = entries[1] and entries[#entries][1] or '0-0'
for i = first, #entries do
    local entry = entries[i][2]
    if entry[2] ~= fence_of then
        answer[#answer + 1] = entry[4]
    end
end
if #shared > 0 then
    answer[#answer + 1] = table.concat(shared, '\n')
end
return answer
