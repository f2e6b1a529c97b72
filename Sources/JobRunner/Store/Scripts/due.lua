#!lua flags=no-writes
-- due: the schedules of a queue that are due soon. What a worker asks once a second.
--
-- KEYS[1] ticks       ZSET  name -> when its next tick is due, server ms
-- KEYS[2] schedules   HASH  name -> definition JSON
-- ARGV[1] horizon ms  how far ahead of the server's clock
-- ARGV[2] limit       most schedules
--
-- Returns {now, of each its name, its due time and its definition}
--           now         the server's clock, ms
--           definition  false for a name that is no schedule
-- Cost    O(log ticks + found)
local ticks, schedules = KEYS[1], KEYS[2]

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local reply = {now}
local found = redis.call('ZRANGEBYSCORE', ticks, '-inf', now + ARGV[1], 'WITHSCORES', 'LIMIT', 0, ARGV[2])
for i = 1, #found, 2 do
  reply[#reply + 1] = found[i]
  reply[#reply + 1] = found[i + 1]
  reply[#reply + 1] = redis.call('HGET', schedules, found[i])
end
return reply
