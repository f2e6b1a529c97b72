#!lua flags=allow-oom
-- halt: cancel a workflow; nothing of it starts any more.
--
-- What runs or waits is for the caller to cancel, in its own queue. Called again it
-- names what is left.
--
-- KEYS[1] flow:<id>     HASH    root, keep, known, opened, steps (how many), gates; see `walk`
-- KEYS[2] result:<id>   STRING  the outcome of the whole
-- ARGV[1] failure JSON    why
--
-- Returns {-1} no such workflow; {0} it has ended before;
--         {1, stops}: "<queue>\n<job>" of the steps that run or wait
-- Cost    O(steps)
local flow, result = KEYS[1], KEYS[2]
local root, keep, known, opened, steps, state =
  unpack(redis.call('HMGET', flow, 'root', 'keep', 'known', 'opened', 'steps', 'state'))
if not root then return {-1} end
if state and state ~= 'cancelled' then return {0} end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local stops = {}
for s = 0, tonumber(steps) - 1 do
  local text = redis.call('HGET', flow, 's:' .. s)
  if not text then
    redis.call('HSET', flow, 's:' .. s, 'c * ' .. now)
  elseif string.sub(text, 1, 1) == 'f' then
    stops[#stops + 1] = redis.call('HGET', flow, 'j:' .. s) or nil
  end
end
if not state then
  local rest = math.max(tonumber(keep), 60000)
  if known then redis.call('PEXPIRE', flow .. ':seen', math.max(rest, tonumber(known))) end
  redis.call('HSET', flow, 'a:' .. root, ARGV[1], 's:' .. root, 'c * ' .. now)
  if tonumber(keep) > 0 then
    redis.call('SET', result, '{"state":"cancelled","attempt":1,"started":' .. opened .. ',"finished":' .. now
      .. ',"error":' .. ARGV[1] .. '}', 'PX', keep)
  end
  redis.call('HSET', flow, 'ended', now, 'state', 'cancelled')
  for group in string.gmatch(redis.call('HGET', flow, 'gates') or '', '%S+') do
    for _, part in ipairs({':wait:', ':ok:', ':bad:'}) do redis.call('PEXPIRE', flow .. part .. group, rest) end
  end
  redis.call('PEXPIRE', flow, rest)
end
return {1, stops}
