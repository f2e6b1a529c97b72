#!lua flags=allow-oom
-- promote: make ready what is due, between the sweeps of tick.
--
-- Workers call it at the time that the last answer named, so that a job is late
-- by milliseconds and not by the time between two ticks.
--
-- KEYS[1] scheduled   ZSET  job -> due time, server ms
-- KEYS[2] ready       LIST  oldest at the right
-- KEYS[3] ordered     ZSET  job -> rank, the lowest first
-- KEYS[4] turns       ZSET  tenant -> rank of its last job
-- KEYS[5] meta        HASH  ranked, turn, alarm
-- ARGV[1] limit       most jobs moved
--
-- Returns {moved, next}
--           next   ms until the first of the rest is due, 0 when it is; -1 there is none
-- Cost    O(moved * log scheduled)
local scheduled, ready, ordered, turns, meta = unpack(KEYS)

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- include place

local due = redis.call('ZRANGEBYSCORE', scheduled, '-inf', now, 'LIMIT', 0, ARGV[1])
if #due > 0 then
  local plain, own = {}, {}
  for i = 1, #due do
    local job = due[i]
    if string.find(string.sub(job, -32), '"reserved":%d+}}$') then
      own[#own + 1] = job     -- its start is its own: not behind all that wait
    elseif string.find(job, '^{"id":"[%w._-]+","[pf]') then
      place(job)
    else
      plain[#plain + 1] = job
    end
  end
  if #plain > 0 then redis.call('LPUSH', ready, unpack(plain)) end
  for i = #own, 1, -1 do redis.call('RPUSH', ready, own[i]) end
  redis.call('ZREM', scheduled, unpack(due))
end

local first = redis.call('ZRANGE', scheduled, 0, 0, 'WITHSCORES')
return {#due, first[2] and math.max(0, first[2] - now) or -1}
