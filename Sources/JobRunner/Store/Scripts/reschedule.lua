#!lua flags=allow-oom
-- reschedule: give scheduled jobs another time, or take them out.
--
-- KEYS[1] scheduled   ZSET  job -> due time, server ms
-- ARGV[1..] due ms, job   pairs, at most 500; a due time of 0 takes the job out
--
-- Returns the number of jobs that were there
-- Cost    O(pairs * log scheduled)
local scheduled, found = KEYS[1], 0

for i = 1, #ARGV, 2 do
  if redis.call('ZSCORE', scheduled, ARGV[i + 1]) then
    found = found + 1
    if ARGV[i] == '0' then
      redis.call('ZREM', scheduled, ARGV[i + 1])
    else
      redis.call('ZADD', scheduled, ARGV[i], ARGV[i + 1])
    end
  end
end
return found
