#!lua flags=allow-oom
-- note: keep what a step of a job returned, or how far a loop of it is.
--
-- Only for the run that holds the job: one whose lease was lost must not set back what
-- the run after it has noted. Sent again it writes the same.
--
-- KEYS[1] workers          ZSET  worker -> lease deadline, queue ms
-- KEYS[2] active:<worker>  HASH  tag -> job
-- KEYS[3] steps:<id>       HASH  step -> JSON; ":bytes" -> bytes of all names and values
-- ARGV[1] worker id
-- ARGV[2] tag     of the run
-- ARGV[3] name    of the step; of a loop with a "@" before it
-- ARGV[4] JSON
-- ARGV[5] ms      the whole hash lives on
-- ARGV[6] most names
-- ARGV[7] most bytes
--
-- Returns 1 noted, 0 the run does not hold its job, -1 too many names, -2 too many bytes
-- Cost    O(1)
local workers, active, steps = unpack(KEYS)
local name, value = ARGV[3], ARGV[4]
if not redis.call('ZSCORE', workers, ARGV[1]) then return 0 end
if redis.call('HEXISTS', active, ARGV[2]) == 0 then return 0 end

local old = redis.call('HGET', steps, name)
local more = old and #value - #old or #name + #value
-- One field is the sum.
if not old and redis.call('HLEN', steps) > tonumber(ARGV[6]) then return -1 end
local bytes = tonumber(redis.call('HGET', steps, ':bytes') or 0) + more
if bytes > tonumber(ARGV[7]) then return -2 end
redis.call('HSET', steps, name, value, ':bytes', bytes)
redis.call('PEXPIRE', steps, ARGV[5])
return 1
