-- Run in Redis: reads the counts of all songs of a tag. See docs/cluster.md.
--
-- KEYS  1 the tag's fences   2 the tag's log of changes
--       then for each bucket: the totals, the reader's own counts
-- ARGV  1 epoch
--
-- Answers {"epoch", E} when the tag is in another epoch; otherwise {"ok", position}, the
-- end of the log, and for each song its id, the total, and the reader's part of it.
local call = redis.call

local there = call('HGET', KEYS[1], 'epoch') or '0'
if there ~= ARGV[1] then
    return {'epoch', there}
end
local last = call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
local answer = {'ok', last[1] and last[1][1] or '0-0'}
for k = 3, #KEYS, 2 do
    local own = {}
    local list = call('HGETALL', KEYS[k + 1])
    for i = 1, #list, 2 do
        own[list[i]] = list[i + 1]
    end
    list = call('HGETALL', KEYS[k])
    for i = 1, #list, 2 do
        local n = #answer
        answer[n + 1], answer[n + 2] = list[i], list[i + 1]
        answer[n + 3] = own[list[i]] or '0'
    end
end
return answer
