#!lua flags=allow-oom
-- pause: stop handing out the jobs of a queue, or one kind of them; and go on.
--
-- allow-oom, because a full server is a reason to pause.
--
-- KEYS[1] meta    HASH  paused (until then, server ms; 1 is for ever), since, why; muted (names of kinds),
--                       whys ("<name> <since, ms> <why>", a line for each of them)
-- ARGV[1] what    queue or job
-- ARGV[2] on      1 pauses, 0 goes on
-- ARGV[3] ms      how long the queue is paused; 0 is until somebody says so
-- ARGV[4] why     one line, for people
-- ARGV[5] name    of the kind of jobs
--
-- Returns 1 changed, 0 was so
-- Cost    O(muted kinds)
local meta, on, name = KEYS[1], ARGV[2] == '1', ARGV[5]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

if ARGV[1] == 'queue' then
  local was = redis.call('HEXISTS', meta, 'paused')
  if not on then
    redis.call('HDEL', meta, 'paused', 'why', 'since')
    return was
  end
  local till = tonumber(ARGV[3]) > 0 and string.format('%.0f', now + ARGV[3]) or '1'
  redis.call('HSET', meta, 'paused', till, 'why', ARGV[4])
  redis.call('HSETNX', meta, 'since', string.format('%.0f', now))
  return 1 - was
end

local kept, was = {}, 0
for other in string.gmatch(redis.call('HGET', meta, 'muted') or '', '%S+') do
  if other == name then was = 1 else kept[#kept + 1] = other end
end
local whys, since = {}, string.format('%.0f', now)
for line in string.gmatch(redis.call('HGET', meta, 'whys') or '', '[^\n]+') do
  local other, start = string.match(line, '^(%S+) (%d+) ')
  if other ~= name then
    whys[#whys + 1] = line
  elseif was == 1 then
    since = start
  end
end
if on then
  kept[#kept + 1] = name
  whys[#whys + 1] = name .. ' ' .. since .. ' ' .. ARGV[4]
end
if #kept > 0 then
  redis.call('HSET', meta, 'muted', table.concat(kept, ' '), 'whys', table.concat(whys, '\n'))
else
  redis.call('HDEL', meta, 'muted', 'whys')
end
return on and 1 - was or was
