#!lua
-- revive: a workflow that ended goes on with what of it is not done.
--
-- What goes back was decided from what stood here: when that has changed, nothing is
-- done. The jobs have new ids, which their queues have not seen; `advance` tells by
-- them who belongs to this round. Called again it changes nothing. No allow-oom: a
-- full server takes no new work.
--
-- KEYS[1] flow:<id>     HASH    ended, state, round, gates; s:, a:, j: of steps, see `walk`
-- KEYS[2] result:<id>   STRING  the outcome of the whole
-- ARGV[1] when it ended, as it was read
-- ARGV[2] the round that begins, 2 for the first retry
-- ARGV[3] ms      longest life
-- ARGV[4..] number of steps that go back, then of each: step, its state as it was read (empty is
--           none), f when its caller enqueues it or nothing, its job (empty for a group);
--           number of sets, then of each: `wait` or `ok`, the step, a number, and as many steps
--
-- Returns 1 it goes on, 0 it has changed meanwhile, -1 no such workflow (any more)
-- Cost    O(steps)
local flow, result = KEYS[1], KEYS[2]
local ended, round, gates = unpack(redis.call('HMGET', flow, 'ended', 'round', 'gates'))
if not gates then return -1 end
if round == ARGV[2] then return 1 end
if ended ~= ARGV[1] then return 0 end

local life = tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local at = 4
local function word()
  at = at + 1
  return ARGV[at - 1]
end

local back = {}
for i = 1, tonumber(word()) do
  back[i] = {word(), word(), word(), word()}
  if (redis.call('HGET', flow, 's:' .. back[i][1]) or '') ~= back[i][2] then return 0 end
end
for _, one in ipairs(back) do
  local step, letter, job = one[1], one[3], one[4]
  redis.call('HDEL', flow, 'a:' .. step)
  if job ~= '' then redis.call('HSET', flow, 'j:' .. step, job) end
  if letter == '' then
    redis.call('HDEL', flow, 's:' .. step)
  else
    redis.call('HSET', flow, 's:' .. step, letter .. ' * ' .. now)
  end
  redis.call('DEL', flow .. ':wait:' .. step, flow .. ':ok:' .. step)
end
for _ = 1, tonumber(word()) do
  local kind, step = word(), word()
  local steps = {}
  for i = 1, tonumber(word()) do steps[i] = word() end
  redis.call('SADD', flow .. ':' .. kind .. ':' .. step, unpack(steps))
end
for step in string.gmatch(gates, '%S+') do
  for _, part in ipairs({':wait:', ':ok:', ':bad:'}) do redis.call('PEXPIRE', flow .. part .. step, life) end
end
redis.call('PEXPIRE', flow, life)
redis.call('DEL', result)
redis.call('HDEL', flow, 'ended', 'state')
redis.call('HSET', flow, 'round', ARGV[2])
return 1
