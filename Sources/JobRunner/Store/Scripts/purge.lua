#!lua flags=allow-oom
-- purge: take jobs that wait out of a queue, some a call.
--
-- Returns them, so that the caller lets go of what they hold. What workers run is
-- not touched.
--
-- KEYS[1] ready       LIST  oldest at the right
-- KEYS[2] landing     LIST  parked by BRPOPLPUSH: older than all of ready
-- KEYS[3] ordered     ZSET  job -> rank
-- KEYS[4] scheduled   ZSET  job -> due time, server ms
-- ARGV[1] from        ready or scheduled
-- ARGV[2] limit       most jobs, 1 to 1,000
--
-- Returns the jobs, none when nothing is left
-- Cost    O(limit * log scheduled)
local ready, landing, ordered, scheduled = unpack(KEYS)
local limit, taken = tonumber(ARGV[2]), {}

if ARGV[1] == 'scheduled' then
  local due = redis.call('ZPOPMIN', scheduled, limit)
  for i = 1, #due, 2 do taken[#taken + 1] = due[i] end
  return taken
end
taken = redis.call('RPOP', landing, limit) or {}
if limit > #taken then
  for _, job in ipairs(redis.call('RPOP', ready, limit - #taken) or {}) do taken[#taken + 1] = job end
end
if limit > #taken then
  local some = redis.call('ZPOPMIN', ordered, limit - #taken)
  for i = 1, #some, 2 do taken[#taken + 1] = some[i] end
end
return taken
