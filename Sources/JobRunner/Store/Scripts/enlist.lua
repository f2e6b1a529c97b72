#!lua
-- enlist: let an open group of a workflow wait for further jobs.
--
-- Called after they were enqueued, by whoever holds the group open: its own job or
-- the mark `<step>:open` is still waited for, so the group cannot end before. One
-- that has ended meanwhile is not waited for.
--
-- KEYS[1] flow:<id>              HASH
-- KEYS[2] flow:<id>:wait:<step>  SET   what the group waits for
-- ARGV[1] step     the group
-- ARGV[2..] members, "<step>:<name>", at most 1,000; none only asks
--
-- Returns members that are waited for now; -1: no such workflow, or the group has ended
-- Cost    O(members)
local flow, wait = KEYS[1], KEYS[2]
local life = redis.call('PTTL', flow)
if life == -2 or redis.call('HEXISTS', flow, 's:' .. ARGV[1]) == 1 then return -1 end

if #ARGV == 1 then return redis.call('SCARD', wait) end

local states = {}
for i = 2, #ARGV do states[i - 1] = 's:' .. ARGV[i] end
local known = redis.call('HMGET', flow, unpack(states))
local new = {}
for i = 2, #ARGV do
  if not known[i - 1] then new[#new + 1] = ARGV[i] end
end
if #new > 0 then
  redis.call('SADD', wait, unpack(new))
  redis.call('PEXPIRE', wait, life)
end
return redis.call('SCARD', wait)
