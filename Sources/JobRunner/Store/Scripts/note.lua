#!lua flags=allow-oom
-- note: keep what a step of a job returned, or how far a loop of it is.
--
-- Only for the run that holds the job: one whose lease was lost must not set back what
-- the run after it has noted. Sent again it writes the same. What another job of the
-- same id has left behind goes: it is not this one's.
--
-- KEYS[1] workers          ZSET  worker -> lease deadline, queue ms
-- KEYS[2] active:<worker>  HASH  tag -> job
-- KEYS[3] steps:<id>       HASH  step -> JSON; ":bytes" -> bytes of all names and values;
--                                ":of" -> whose they are, as ARGV[8]
-- ARGV[1] worker id
-- ARGV[2] tag     of the run
-- ARGV[3] name    of the step; of a loop with a "@" before it
-- ARGV[4] JSON
-- ARGV[5] ms      the whole hash lives on
-- ARGV[6] most names
-- ARGV[7] most bytes
-- ARGV[8] whose         when the job was enqueued, ms, or "-"; "" goes on with what is there
--
-- Returns 1 noted, 0 the run does not hold its job, -1 too many names, -2 too many bytes
-- Cost    O(1)
local workers, active, steps = unpack(KEYS)
local name, value, whose = ARGV[3], ARGV[4], ARGV[8]
if not redis.call('ZSCORE', workers, ARGV[1]) then return 0 end
if redis.call('HEXISTS', active, ARGV[2]) == 0 then return 0 end

local of, sum, old = unpack(redis.call('HMGET', steps, ':of', ':bytes', name))
if (of or '') == '' then
  of = whose
elseif whose ~= '' and of ~= whose then
  redis.call('DEL', steps)
  of, sum, old = whose, false, false
end
local more = old and #value - #old or #name + #value
-- Two fields are no steps.
if not old and redis.call('HLEN', steps) > tonumber(ARGV[6]) + 1 then return -1 end
local bytes = tonumber(sum or 0) + more
if bytes > tonumber(ARGV[7]) then return -2 end
redis.call('HSET', steps, name, value, ':bytes', bytes, ':of', of)
redis.call('PEXPIRE', steps, ARGV[5])
return 1
