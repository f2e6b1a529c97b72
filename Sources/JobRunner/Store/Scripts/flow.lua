#!lua
-- flow: open a workflow, before its first job is enqueued or together with that.
--
-- Its keys share the slot of its home queue; its jobs may go to others. They live
-- until the workflow has ended and a time after that, see `walk`; at the longest
-- for the life given here. Opened again under the same id it changes nothing, also
-- where the ids of its jobs are known for longer than it is kept. No allow-oom: a full
-- server takes no new work. Jobs that start at once in the home queue are pushed here,
-- so that a workflow is either there and begun, or not at all.
--
-- Further keys, under KEYS[1]: `:wait:<step>` SET, what a group or a step of several
-- others waits for; `:ok:<step>`, `:bad:<step>` SET, see `walk`; `:seen` STRING.
--
-- KEYS[1] flow:<id>   HASH  what `walk` reads, and the plan that people are shown
-- KEYS[2] flows       ZSET  id -> when it was opened, server ms
-- KEYS[3] result:<id> STRING  the outcome of the whole: one that is there is of another
-- KEYS[4] ready       LIST    jobs that wait for a worker, of its home
-- ARGV[1] id
-- ARGV[2] ms      longest life
-- ARGV[3] ids that `flows` has room for
-- ARGV[4] ms      its id is known after its end, at the least; 0 is no longer than it is kept
-- ARGV[5] longest ready, jobs; 0 is no limit
-- ARGV[6] n       number of words of fields
-- ARGV[7] m       of the fields the first so many are jobs to be pushed, "<queue>\n<job>"
-- ARGV[8..] name and value of each field, for KEYS[1]; then number of waits; of each the step, a
--           number, and as many steps that it waits for
--
-- Returns 1 opened, 0 there already, -2 the queue is full, nothing was done
-- Cost    O(steps)
local flow, flows, result, ready = unpack(KEYS)
local life, known, longest, words, starts =
  tonumber(ARGV[2]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
if redis.call('HEXISTS', flow, 'opened') == 1 then return 0 end
if known > 0 and redis.call('EXISTS', flow .. ':seen') == 1 then return 0 end
if starts > 0 and redis.call('LLEN', ready) + starts > longest and longest > 0 then return -2 end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local at = 8 + words
local function word()
  at = at + 1
  return ARGV[at - 1]
end

for _ = 1, tonumber(word()) do
  local step = word()
  local steps = {}
  for i = 1, tonumber(word()) do steps[i] = word() end
  redis.call('SADD', flow .. ':wait:' .. step, unpack(steps))
  redis.call('PEXPIRE', flow .. ':wait:' .. step, life)
  if steps[1] == step .. ':open' then
    -- Its members that are done: with an entry of none, it has a time to live from the start.
    redis.call('SADD', flow .. ':ok:' .. step, '')
    redis.call('PEXPIRE', flow .. ':ok:' .. step, life)
  end
end
redis.call('DEL', result)
redis.call('ZADD', flows, now, ARGV[1])
redis.call('ZREMRANGEBYRANK', flows, 0, -1 - tonumber(ARGV[3]))
redis.call('PEXPIRE', flows, 2592000000)
for i = 8, 7 + words, 1000 do
  redis.call('HSET', flow, unpack(ARGV, i, math.min(i + 999, 7 + words)))
  redis.call('PEXPIRE', flow, life)
end
if known > 0 then redis.call('HSET', flow, 'known', known) end
local jobs = {}
for i = 1, starts do
  local job = ARGV[7 + 2 * i]
  jobs[i] = string.sub(job, string.find(job, '\n', 1, true) + 1)
end
if starts > 0 then redis.call('LPUSH', ready, unpack(jobs)) end
-- Last: it says that all is there.
redis.call('HSET', flow, 'opened', now)
if known > 0 then redis.call('SET', flow .. ':seen', '1', 'PX', life) end
return 1
