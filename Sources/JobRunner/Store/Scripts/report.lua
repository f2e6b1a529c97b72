-- report: a step of a workflow ended; a part of `advance` and `cycle`.
--
-- Most steps end in one of two ways: done, with one step behind them; done, and not
-- the last of their group. These need three or four commands and little else. `walk`,
-- which knows all ways, takes four times as long for them, most of it Lua; it decides
-- whatever is not plain, and would decide the same here.
--
-- Takes   flow, result: the keys, and the rest as `walk` does
-- Returns what `walk` does
-- Cost    O(1), else that of `walk`

-- What a step takes of one other travels with it, unless that could make the job too long or too
-- deep to be read: 48 KiB of the 64, and 16 levels of the 32, of which it has its share.
local function given(job, flow, s, from, value)
  if #value > 4096 or #job + #value > 49152 then return job end
  if #value > 32 and select(2, string.gsub(value, '[%[{]', '')) > 16 then return job end
  local place = string.sub(flow, string.find(flow, '}:flow:', 1, true) + 7) .. '/'
  for _, text in ipairs({'+' .. s .. '/', s .. '/', '+' .. s .. '/!', s .. '/!'}) do
    if string.find(job, place .. text .. from .. '"', 1, true) then
      return string.sub(job, 1, -2) .. ',"input":' .. value .. '}'
    end
  end
  return job
end

-- Its functions are made for a step that needs them.
local function prepared()
-- include walk
  return walk
end
local walk

local function report(flow, result, step, letter, said, now, most, who)
  -- In a chain the next is the one of the next number: read at once, that saves a call.
  local number = tonumber(step)
  local next = number and tostring(number + 1) or step
  local root, round, follow, onend, text, known, job =
    unpack(redis.call('HMGET', flow, 'root', 'round', 'n:' .. step, 'e:' .. step, 's:' .. step, 's:' .. next, 'j:' .. next))
  -- Told for the first time; of the first round, where a step has one job.
  local first = letter == 'd' and text and string.sub(text, 1, 1) == 'f' and not round
  if first and follow and not onend and step ~= root then
    local since = string.match(text, '^f %S+ (%d+)') or '0'
    local words = {'s:' .. step, 'd ' .. step .. ' ' .. now .. ' ' .. since}
    if said ~= 'null' then
      words[3], words[4] = 'a:' .. step, said
    end
    local group, rule = string.match(follow, '^g(%d+)=(%a+)$')
    if group then
      local wait = flow .. ':wait:' .. group
      if rule ~= 'many' and redis.call('SCARD', wait) > 1 then
        redis.call('HSET', flow, unpack(words))
        redis.call('SREM', wait, step)
        return 0, {}, {}
      end
    elseif string.find(follow, '^%d+$') then
      if follow ~= next then known, job = unpack(redis.call('HMGET', flow, 's:' .. follow, 'j:' .. follow)) end
      if job and not known then
        redis.call('HSET', flow, 's:' .. follow, 'f ' .. step .. ' ' .. now, unpack(words))
        return 0, {follow, given(job, flow, follow, step, said)}, {}
      end
    end
  end
  walk = walk or prepared()
  return walk(flow, result, step, letter, said, now, most, who)
end
