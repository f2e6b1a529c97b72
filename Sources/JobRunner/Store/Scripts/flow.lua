#!lua
-- flow: open a workflow, before its first job is enqueued.
--
-- Its keys share the slot of its home queue; its jobs may go to others. They live
-- until the workflow has ended and a time after that, see `advance`; at the longest
-- for the life given here. Opened again under the same id it changes nothing. No
-- allow-oom: a full server takes no new work.
--
-- Further keys, under KEYS[1]: `:wait:<step>` SET, what a group or a step of several
-- others waits for; `:ok:<step>`, `:bad:<step>` SET, see `advance`.
--
-- KEYS[1] flow:<id>          HASH  what `advance` reads, and the plan that people are shown
-- KEYS[2] flow:<id>:states   HASH  step -> "<state> <by> <at>"
-- KEYS[3] flow:<id>:values   HASH  step -> what it returned, or its failure, JSON
-- KEYS[4] flow:<id>:jobs     HASH  step -> "<queue>\n<job>"
-- KEYS[5] flows              ZSET  id -> when it was opened, server ms
-- ARGV[1] id
-- ARGV[2] ms      longest life
-- ARGV[3] ids that `flows` has room for
-- ARGV[4..] number of fields, then name and value of each, for KEYS[1];
--           number of jobs, then step and text of each;
--           number of states, then step, letter and value of each: f for what its opener enqueues,
--           d for a group without members;
--           number of waits; of each the step, a number, and as many steps that it waits for
--
-- Returns 1 opened, 0 there already
-- Cost    O(steps)
local flow, states, values, jobs, flows = unpack(KEYS)
if redis.call('EXISTS', flow) == 1 then return 0 end

local life = tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local at = 4
local function word()
  at = at + 1
  return ARGV[at - 1]
end

-- The hash that says that it is there comes last.
local fields = {'opened', now}
for _ = 1, 2 * tonumber(word()) do fields[#fields + 1] = word() end
local function write(key, pairs)
  for i = 1, #pairs, 1000 do redis.call('HSET', key, unpack(pairs, i, math.min(i + 999, #pairs))) end
end
-- Entries of no step: a hash keeps its time to live only while it is there.
local bodies, letters, known = {'', ''}, {'', now}, {'', ''}
for _ = 1, 2 * tonumber(word()) do bodies[#bodies + 1] = word() end
for _ = 1, tonumber(word()) do
  local step, letter, value = word(), word(), word()
  letters[#letters + 1] = step
  letters[#letters + 1] = letter .. ' * ' .. now
  if value ~= '' then
    known[#known + 1] = step
    known[#known + 1] = value
  end
end
write(jobs, bodies)
write(states, letters)
write(values, known)
for _ = 1, tonumber(word()) do
  local wait = flow .. ':wait:' .. word()
  local steps = {}
  for i = 1, tonumber(word()) do steps[i] = word() end
  redis.call('SADD', wait, unpack(steps))
  redis.call('PEXPIRE', wait, life)
end
for _, key in ipairs({states, values, jobs}) do redis.call('PEXPIRE', key, life) end
redis.call('ZADD', flows, now, ARGV[1])
redis.call('ZREMRANGEBYRANK', flows, 0, -1 - tonumber(ARGV[3]))
redis.call('PEXPIRE', flows, 2592000000)
write(flow, fields)
redis.call('PEXPIRE', flow, life)
return 1
