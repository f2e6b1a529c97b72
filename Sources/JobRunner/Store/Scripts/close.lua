#!lua flags=allow-oom
-- close: closes a rate limit until a time, unless it is closed for longer.
--
-- Several jobs may hear 429 at once, each with a time of its own: the latest holds. allow-oom,
-- because a server that is full must not make workers ask another one too often.
--
-- KEYS[1] {limit:<name>}:rule   HASH  closed: nothing starts until then, server ms
-- ARGV[1] until                 server ms
--
-- Returns 1 closed until then, 0 it is closed for as long or longer
-- Cost    O(1)
local rule = KEYS[1]

if tonumber(redis.call('HGET', rule, 'closed') or 0) >= tonumber(ARGV[1]) then return 0 end
redis.call('HSET', rule, 'closed', ARGV[1])
return 1
