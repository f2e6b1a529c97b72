#!lua flags=allow-oom
-- count: adds what a worker counted to a minute's counters, on a full server too.
--
-- KEYS[1] count:<minute>   HASH  counters of one minute
-- ARGV[1] seconds          how long they are kept
-- ARGV[2] waiting          jobs that wait now; "" when that has not changed
-- ARGV[3..] field, amount  pairs
--
-- Returns 1
-- Cost    O(pairs)
local counters = KEYS[1]

for i = 3, #ARGV, 2 do redis.call('HINCRBY', counters, ARGV[i], ARGV[i + 1]) end
if ARGV[2] ~= '' then redis.call('HSET', counters, 'waiting', ARGV[2]) end
redis.call('EXPIRE', counters, ARGV[1])
return 1
