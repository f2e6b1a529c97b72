#!lua
-- schedule: puts, removes, pauses or resumes a schedule.
--
-- Nothing is written unless the schedule is still what the caller looked at, so
-- two who change one at the same time do not undo each other.
--
-- KEYS[1] schedules         HASH  name -> definition JSON
-- KEYS[2] ticks             ZSET  name -> when its next tick is due, server ms
-- KEYS[3] schedule:<name>   HASH  tick, last, at, job, fired, skipped, missed, paused, reason
-- KEYS[4] history:<name>    LIST  "<tick> <at> <what> <job id>", newest first
-- ARGV[1] what              put, remove, pause, disable (pause, unless it is paused) or resume
-- ARGV[2] name
-- ARGV[3] definition JSON   as the caller read it; "" for none
-- ARGV[4] new definition    of put
-- ARGV[5] next tick         of put and resume, ms; "" is never
-- ARGV[6] next due          the next tick and its jitter, ms
-- ARGV[7] keep              of put: 1 stays at the tick it stands at, if it does at any
-- ARGV[8] reason            of pause, set anew where it is paused; of disable
--
-- Returns  1   done
--          0   nothing to do: paused already, or not paused
--         -1   it is another definition by now, or there is none
-- Cost    O(log ticks)
local schedules, ticks, state, history = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local what, name, tick = ARGV[1], ARGV[2], ARGV[5]

if (redis.call('HGET', schedules, name) or '') ~= ARGV[3] then return -1 end
if ARGV[3] == '' and what ~= 'put' then return -1 end
local paused = redis.call('HGET', state, 'paused')
local stands = redis.call('ZSCORE', ticks, name)

if what == 'remove' then
  redis.call('ZREM', ticks, name)
  redis.call('HDEL', schedules, name)
  redis.call('DEL', state)
  redis.call('DEL', history)
  return 1
elseif what == 'pause' or what == 'disable' then
  if paused then
    if what == 'pause' then redis.call('HSET', state, 'reason', ARGV[8]) end
    return 0
  end
  local time = redis.call('TIME')
  redis.call('HSET', state, 'paused', time[1] * 1000 + math.floor(time[2] / 1000), 'reason', ARGV[8])
  redis.call('ZREM', ticks, name)
  return 1
elseif what == 'resume' then
  if not paused then return 0 end
  redis.call('HDEL', state, 'paused', 'reason')
elseif what == 'put' then
  redis.call('HSET', schedules, name, ARGV[4])
  if paused or (stands and ARGV[7] == '1') then return 1 end
else
  return redis.error_reply('ERR schedule: unknown word')
end

if tick == '' then
  redis.call('HDEL', state, 'tick')
  redis.call('ZREM', ticks, name)
else
  redis.call('HSET', state, 'tick', tick)
  redis.call('ZADD', ticks, ARGV[6], name)
end
return 1
