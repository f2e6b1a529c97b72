-- report: a step of a workflow ended; a part of `advance` and `cycle`.
--
-- Most steps end in one of two ways: done, with one step behind them; done, and not
-- the last of their group. Their jobs carry which it is, and these need three or four
-- commands and little else. `walk`, which knows all ways, takes four times as long for
-- them, most of it Lua; it decides whatever is not plain, and would decide the same here.
--
-- Takes   flow, result: the keys, and the rest as `walk` does; then what the end leads to, as the
--         job has it: `g` for a group; the number of that, or of the step behind it, nil for nothing
--         plain; `<` when that takes what this one returns
-- Returns what `walk` does; then the input of the one that starts, nil for none
-- Cost    O(1), else that of `walk`

-- What a step takes of one other travels with it, unless that could make the job too long or too
-- deep to be read: 48 KiB of the 64, and 16 levels of the 32, of which it has its share.
local function fits(job, value)
  return #value <= 4096 and #job + #value <= 49152
    and (#value <= 32 or select(2, string.gsub(value, '[%[{]', '')) <= 16)
end

-- A job, from that byte on, with what it takes.
local function filled(job, from, value)
  if value then return string.sub(job, from, -2) .. ',"input":' .. value .. '}' end
  return string.sub(job, from)
end

-- Its functions are made for a step that needs them.
local function prepared()
-- include walk
  return walk
end
local walk

local none = {}

local function report(flow, result, step, letter, said, now, most, who, group, next, takes)
  if next and letter == 'd' then
    local own, behind, round, text, known, job = 's:' .. step, 's:' .. next, nil, nil, nil, nil
    if group == 'g' then
      round, text = unpack(redis.call('HMGET', flow, 'round', own))
    else
      round, text, known, job = unpack(redis.call('HMGET', flow, 'round', own, behind, 'j:' .. next))
    end
    -- Told for the first time; of the first round, where a step has one job.
    if text and not round and string.byte(text) == 102 and (job and not known or group == 'g') then
      local ended = 'd ' .. step .. ' ' .. now .. ' ' .. (string.match(text, ' (%d+)$', 4) or '0')
      local value = said ~= 'null'
      if job then
        local begun = 'f ' .. step .. ' ' .. now
        if value then
          redis.call('HSET', flow, behind, begun, own, ended, 'a:' .. step, said)
        else
          redis.call('HSET', flow, behind, begun, own, ended)
        end
        return 0, {next, job}, none, takes == '<' and fits(job, said) and said or nil
      end
      local wait = flow .. ':wait:' .. next
      if redis.call('SCARD', wait) > 1 then
        if value then
          redis.call('HSET', flow, own, ended, 'a:' .. step, said)
        else
          redis.call('HSET', flow, own, ended)
        end
        redis.call('SREM', wait, step)
        return 0, none, none
      end
    end
  end
  walk = walk or prepared()
  return walk(flow, result, step, letter, said, now, most, who)
end
