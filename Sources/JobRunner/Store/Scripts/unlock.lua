#!lua flags=allow-oom
-- unlock: let go of a unique key before its job's ack.
--
-- KEYS[1] unique:<key>   STRING  who holds it: an id, or "<id>\n…"
-- ARGV[1] job id
--
-- Returns 1 it was held by this job, 0 not
-- Cost    O(1)
local lock = redis.call('GET', KEYS[1])
if lock and string.match(lock, '^[^\n]*') == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
