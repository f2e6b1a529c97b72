#!lua flags=allow-oom
-- fire: one tick of a schedule: its job becomes ready and the schedule moves on.
--
-- Any number of processes may try the same tick at the same time: it counts only
-- while the schedule stands at that tick and says what the caller worked with, so
-- each tick is enqueued once. The server's clock decides whether it is due. Every
-- key is read before the first write, and the job is written before the schedule
-- moves: a script cut short can enqueue a tick twice, never none.
--
-- KEYS[1] ready             LIST  jobs that wait for a worker
-- KEYS[2] schedules         HASH  name -> definition JSON
-- KEYS[3] ticks             ZSET  name -> when its next tick is due, server ms
-- KEYS[4] schedule:<name>   HASH  tick, last, at, job, fired, skipped, missed, merged, paused, reason,
--                                  waited: the tick that waits for an earlier job
-- KEYS[5] history:<name>    LIST  "<tick> <at> <what> <job id>", newest first
-- KEYS[6] ordered           ZSET  job -> rank: waits for a worker, the lowest first
-- KEYS[7] turns             ZSET  tenant -> rank of its last job
-- KEYS[8] meta              HASH  ranked, turn, alarm
-- KEYS[9] unique:<key>      STRING  id of the job that holds the lock (optional)
-- ARGV[1] name
-- ARGV[2] definition JSON   as the caller read it
-- ARGV[3] expected tick     where the schedule stands, ms; "-" fires by hand and moves nothing
-- ARGV[4] fired tick        whose job this is, ms; "" only moves on
-- ARGV[5] next tick         ms; "" is never again
-- ARGV[6] next due          ms: the next tick and its jitter
-- ARGV[7] missed            ticks from the expected one on that nothing is done about; merged, where
--                           the expected one has waited for an earlier job
-- ARGV[8] job id
-- ARGV[9] job JSON
-- ARGV[10] overlap          allow, skip or queueOne
-- ARGV[11] lock ms          longest life of the lock (with KEYS[9])
-- ARGV[12] history          entries kept
--
-- Returns {code, now}       1 fired, 2 skipped for an earlier job, 3 moved on only,
--                           0 not at that tick: somebody else did it, -1 another definition,
--                           or none, -2 paused, -3 waits for an earlier job, -4 not due yet;
--                           now is the server's clock, ms
-- Cost    O(log ticks), with a rank O(log ordered)
local ready, schedules, ticks, state, history, ordered, turns, meta, unique = unpack(KEYS, 1, 9)
local name, expected, tick, id, job = ARGV[1], ARGV[3], ARGV[4], ARGV[8], ARGV[9]
local byHand = expected == '-'

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

if redis.call('HGET', schedules, name) ~= ARGV[2] then return {-1, now} end
local due = redis.call('ZSCORE', ticks, name)
local stands, paused, waited = unpack(redis.call('HMGET', state, 'tick', 'paused', 'waited'))
if not byHand then
  if paused then return {-2, now} end
  if not due or stands ~= expected then return {0, now} end
  if tonumber(due) > now then return {-4, now} end
end
redis.call('LLEN', ready)
redis.call('LLEN', history)
redis.call('ZCARD', ordered)
local held = unique and redis.call('EXISTS', unique) == 1

-- include place

local code, what = 3, 'missed'
if tick ~= '' then
  if held and ARGV[10] == 'queueOne' then
    if not byHand and waited ~= expected then redis.call('HSET', state, 'waited', expected) end
    return {-3, now}
  end
  if held and ARGV[10] == 'skip' then
    code, what = 2, 'skipped'
  else
    code, what = 1, byHand and 'run' or 'fired'
    place(job)
    if unique then redis.call('SET', unique, id, 'PX', ARGV[11]) end
  end
end

if not byHand then
  if waited then redis.call('HDEL', state, 'waited') end
  if ARGV[5] == '' then
    redis.call('HDEL', state, 'tick')
    redis.call('ZREM', ticks, name)
  else
    redis.call('HSET', state, 'tick', ARGV[5])
    redis.call('ZADD', ticks, ARGV[6], name)
  end
end

local missed = tonumber(ARGV[7])
if missed > 0 then
  -- Those since a tick that waited are one with it: a process was there for them.
  local kind = waited == expected and 'merged' or 'missed'
  redis.call('HINCRBY', state, kind, missed)
  redis.call('LPUSH', history, expected .. ' ' .. string.format('%.0f', now) .. ' ' .. kind .. ' ' .. ARGV[7])
end
if code == 1 then
  redis.call('HSET', state, 'last', tick, 'at', now, 'job', id)
  redis.call('HINCRBY', state, 'fired', 1)
elseif code == 2 then
  redis.call('HINCRBY', state, 'skipped', 1)
end
if code ~= 3 then
  redis.call('LPUSH', history, tick .. ' ' .. string.format('%.0f', now) .. ' ' .. what .. ' ' .. id)
end
redis.call('LTRIM', history, 0, ARGV[12] - 1)
return {code, now}
