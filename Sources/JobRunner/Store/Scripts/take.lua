#!lua flags=allow-oom
-- take: ask a rate limit for the starts of some jobs; each may start now, start in a
-- moment, or has its own time reserved.
--
-- GCRA, with two arrival times. `start` is that of jobs that started: none starts
-- before it, whatever was promised, so the limit holds in every window. `reserved`
-- also counts the jobs that were put off; a job whose time has come asks again, with
-- that time, and is through unless it is late or the limit was closed since.
-- allow-oom, because a limited queue has to drain too when the server is full.
--
-- KEYS[1] {limit:<name>}:<value>   HASH  start, reserved, us; each, that they were made with;
--                                        expires when both are past
-- KEYS[2] {limit:<name>}:rule      HASH  each, burst: instead of those below; closed: nothing
--                                        starts until then, server ms
-- ARGV[1] each       us a token
-- ARGV[2] burst      tokens, 1 or more
-- ARGV[3] patience   us that a job may be asked to wait in its slot, a new one a fifth of it
-- ARGV[4..] cost, reserved   pairs, at most 1,000: tokens, at most the burst; the time that was
--                    reserved for this job, us, 0 for a new one
--
-- Returns one pair a request: {0, us}   it may start in so many us
--                             {at, us}  not now: its time is `at`, in so many us
-- Cost    O(requests)
local state, rule = KEYS[1], KEYS[2]
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local set, many, closed = unpack(redis.call('HMGET', rule, 'each', 'burst', 'closed'))
local each, burst = tonumber(set or ARGV[1]), tonumber(many or ARGV[2])
local full, patience = each * burst, tonumber(ARGV[3])

local start, reserved, was = unpack(redis.call('HMGET', state, 'start', 'reserved', 'each'))
start, reserved = tonumber(start or 0), tonumber(reserved or 0)
-- The clock stepped back, or the limit was changed: what was promised by the old one is void.
if start > now + full + 1000000 or was and tonumber(was) ~= each then start, reserved = math.min(start, now), 0 end
if closed then
  -- One job when it opens again, and not a burst. What is as long past as that takes is cleared.
  closed = closed * 1000
  start = math.max(start, closed + full - each)
  if closed + full <= now then redis.call('HDEL', rule, 'closed') end
else
  closed = 0
end

local answers = {}
for i = 4, #ARGV, 2 do
  local cost, promised = math.min(tonumber(ARGV[i]), burst) * each, tonumber(ARGV[i + 1])
  local at = math.max(now, closed, start + cost - full)
  if promised > 0 and promised <= now + patience and at <= now + patience then
    start = math.max(start, at) + cost
    answers[#answers + 1] = {0, at - now}
  else
    reserved = math.max(reserved, start)
    at = math.max(now, closed, reserved + cost - full)
    reserved = math.max(reserved, at) + cost
    if at <= now + patience / 5 then
      start = math.max(start, at) + cost
      answers[#answers + 1] = {0, at - now}
    else
      answers[#answers + 1] = {at, at - now}
    end
  end
end

redis.call('HSET', state, 'start', string.format('%.0f', start), 'reserved', string.format('%.0f', reserved), 'each', each)
redis.call('PEXPIRE', state, math.ceil((math.max(start, reserved) - now) / 1000) + 1000)
return answers
