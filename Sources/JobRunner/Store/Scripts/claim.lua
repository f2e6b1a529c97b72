#!lua flags=allow-oom
-- claim: hold places under a limit of how many may run at once, or a lock.
--
-- A set of holders with deadlines, never a counter: the places of a worker that is
-- gone are free when its claims lapse. Workers renew theirs with every tick.
--
-- KEYS[1] {limit:<name>}:<value>:running or {lock:<name>}   ZSET  holder -> lapses, server ms
-- KEYS[2] {limit:<name>}:rule   HASH  slots: instead of the number below
-- ARGV[1] verb    take: those that find room; keep: renews those that are held; regain: and takes
--                 those again that lapsed, where there is room; free: lets go
-- ARGV[2] most    holders at once
-- ARGV[3] ms      how long a claim lives
-- ARGV[4..] holders, at most 1,000
--
-- Returns {free, fence, held, ...}
--           free    places left
--           fence   the server's clock, us: grows with every call as that does
--           held    per holder 1 it has a place now, 0 it has none
-- Cost    O(holders * log running)
local running, rule = KEYS[1], KEYS[2]
local verb, most, life = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

most = tonumber(redis.call('HGET', rule, 'slots') or most)
redis.call('ZREMRANGEBYSCORE', running, '-inf', now)
local held = redis.call('ZCARD', running)
local reply = {0, time[1] * 1000000 + time[2]}
for i = 4, #ARGV do
  local known = redis.call('ZSCORE', running, ARGV[i])
  if verb == 'free' then
    held = held - redis.call('ZREM', running, ARGV[i])
    reply[#reply + 1] = 0
  elseif known or verb ~= 'keep' and held < most then
    if not known then held = held + 1 end
    redis.call('ZADD', running, now + life, ARGV[i])
    reply[#reply + 1] = 1
  else
    reply[#reply + 1] = 0
  end
end
local last = redis.call('ZRANGE', running, -1, -1, 'WITHSCORES')
if last[2] then redis.call('PEXPIREAT', running, string.format('%.0f', last[2])) end
reply[1] = math.max(0, most - held)
return reply
