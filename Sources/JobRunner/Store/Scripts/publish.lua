#!lua flags=allow-oom
-- publish: keeps what a worker tells of itself, on a full server too.
--
-- KEYS[1] worker:<id>   STRING  JSON, for people and stats
-- ARGV[1] JSON
-- ARGV[2] ms            how long it is kept
--
-- Returns 1
-- Cost    O(1)
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
