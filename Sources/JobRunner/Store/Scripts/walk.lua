-- walk: what the end of a step of a workflow leads to; a part of `report`.
--
-- What is waited for is a set of steps: unlike a counter it does not mind to be told
-- twice. The first end counts. A step that is set off by one job is set off by no
-- other, and told again it is set off again: whoever tells it acks the job together
-- with what that sets off, once.
--
-- A retry of the whole gives its jobs new ids: what one of the round before says
-- counts no more.
--
-- A state is one letter: f set off; d done, x dead, g discarded, e expired,
-- c cancelled, s skipped: a step before it failed. Edges are words, `4`, `m4` for a
-- step that waits for several, `g4=all` for a group and what it needs. Groups are all (the
-- first failure is theirs), one (the same, with the result of a single member), each (failures
-- are results), many (members come while it is open), or a number: so many that are done.
--
-- Keys, all in the slot of the workflow's home:
--   flow:<id>               HASH  root, keep, known, opened, ended, round, gates; n:<step> edges, f:<step> steps for
--                                 a failure, e:<step> for either end, b:<step> for the first failed
--                                 member; r:<group> "<rule> <first> <last>", its steps; v:<group> its members;
--                                 j:<step> "<queue>\n<job>"; a:<step> what it returned, or its failure, JSON;
--                                 s:<step> "<letter> <by> <at> <since>": who set it off, or ended it, when,
--                                 and when it was set off; only the letter is what its opener wrote,
--                                 and since 0 is when that was
--   flow:<id>:wait:<step>   SET   what a group, or a step of several others, waits for
--   flow:<id>:ok:<step>, flow:<id>:bad:<step>   SET   its members that are done, or have failed
--   result:<id>             STRING  the outcome of the whole
--
-- Takes   flow, result: the keys; step; verdict: a letter; said: what it returned, or its failure,
--         JSON; now: ms, as text; most: bytes that the results of a group may have together;
--         who: the id of the job that says so, empty for a mark
-- Returns ended, starts, stops; nothing when there is no such workflow (any more)
--         ended   it has
--         starts  step, "<queue>\n<job>", of what may start; a job that takes a single result of up
--                 to 4 KiB has it in it
--         stops   "<queue>\n<job>" of those that run or wait and are not wanted
-- Cost    O(1) for a member; O(members) for the last one of a group, O(steps) at the end

-- Made once for all the steps that a call tells of: what one of them is about.
local flow, result, step, verdict, said, now, most
local root, ended, follow, onfail, oneither, again, mended
local starts, stops, begun, texts, marks, told, changes, gone, leaving, spread, close

local function text(s)
  s = tostring(s)
  if texts[s] == nil then texts[s] = redis.call('HGET', flow, 's:' .. s) end
  return texts[s]
end

local function state(s)
  local text = text(s)
  if text then return string.sub(text, 1, 1), string.match(text, '^%a (%S+)') end
end

local function note(s, letter)
  s = tostring(s)
  local before = text(s)
  local since = before and (before == 'f' and ' 0' or string.match(before, '^f %S+( %d+)')) or ''
  texts[s] = letter .. ' ' .. step .. ' ' .. now .. since
  marks[s] = texts[s]
end

local function change(field, value)
  changes[#changes + 1] = field
  changes[#changes + 1] = value
end

local function tell(s, value)
  told[s] = value
  change('a:' .. s, value)
end

local function flush()
  -- What a step returned comes before its state.
  for s, mark in pairs(marks) do change('s:' .. s, mark) end
  for i = 1, #changes, 1000 do redis.call('HSET', flow, unpack(changes, i, math.min(i + 999, #changes))) end
  -- Last: cut short before, it is told again, and counts itself once.
  if mended then
    local group = string.match(step, '^%d+')
    redis.call('SREM', flow .. ':bad:' .. group, step)
    if redis.call('SCARD', flow .. ':bad:' .. group) == 0 then redis.call('HDEL', flow, 'a:' .. group .. ':bad') end
  end
  for _, one in ipairs(leaving) do
    if one[3] then redis.call('SADD', flow .. ':ok:' .. one[1], one[2]) end
    redis.call('SREM', flow .. ':wait:' .. one[1], one[2])
  end
end

-- A job with what a single step returned, when its place says that it takes that.
local function given(job, s, from, value)
  local queue, id = string.match(flow, '{(.-)}:flow:(.*)$')
  local _, at = string.find(job, '"flow":"' .. queue .. '/' .. id .. '/', 1, true)
  local own, taken = string.match(job, '^%+?([^>/"]*)[^/"]*/!?([^/"]*)"', (at or #job) + 1)
  if own == tostring(s) and taken == tostring(from) and fits(job, value) then return filled(job, 1, value) end
  return job
end

local function start(s, from, value)
  local letter, by = state(s)
  if begun[s] or letter and (letter ~= 'f' or by ~= step) then return end
  begun[s] = true
  if not letter then note(s, 'f') end
  local job = redis.call('HGET', flow, 'j:' .. s)
  if job then
    starts[#starts + 1] = s
    starts[#starts + 1] = value and given(job, s, from, value) or job
  end
end

local function stop(first, last)
  for s = first, last do
    local letter = state(s)
    if not letter then
      note(s, 'c')
    elseif letter == 'f' and tostring(s) ~= step then
      stops[#stops + 1] = redis.call('HGET', flow, 'j:' .. s) or nil
    end
  end
end

-- How many are waited for beside this one; told before, it may not be waited for any more.
-- A member of an open group may end before it is waited for; it counts among those that are done.
local function left(s, member, ok)
  local wait = flow .. ':wait:' .. s
  if not gone[s .. ' ' .. member] then     -- one may come by two ways
    local own = (again or string.find(member, ':', 1, true)) and redis.call('SISMEMBER', wait, member) or 1
    gone[s .. ' ' .. member] = true
    gone[s] = (gone[s] or 0) + own
    leaving[#leaving + 1] = {s, member, ok}
  end
  return redis.call('SCARD', wait) - gone[s]
end

-- include gather

-- One that a group waits for has ended.
local function arrive(group, member, done, failure, rule)
  local letter, by = state(group)
  local open, need = rule == 'many', tonumber(rule)
  local others = left(group, member, open and done and member ~= group .. ':open')
  local function halt()
    local first, last = string.match(redis.call('HGET', flow, 'r:' .. group), '^%S+ (%S+) (%S+)$')
    stop(first, last)
  end
  local function failures() return redis.call('SCARD', flow .. ':bad:' .. group) - (mended and 1 or 0) end
  if letter == 'x' and mended and others == 0 and failures() == 0 then
    -- The last of its jobs that had failed: it is done after all, and what was skipped starts.
    texts[group], ended = false, false
    for d in string.gmatch(redis.call('HGET', flow, 'n:' .. group) or '', '%S+') do
      if state(d) == 's' then texts[d] = false end
    end
    return close(group, 'd', gathered(group, rule))
  elseif letter then
    if by ~= step then return end
    -- Told again: it ended so, whatever others of it said since.
    local value = redis.call('HGET', flow, 'a:' .. group)
    spread(group, letter, value ~= '' and value or nil)
    if need or letter == 'x' and rule ~= 'each' and not open then halt() end
  elseif open then
    if not done then
      redis.call('SADD', flow .. ':bad:' .. group, member)
      redis.call('PEXPIRE', flow .. ':bad:' .. group, redis.call('PTTL', flow))
      for s in string.gmatch(redis.call('HGET', flow, 'b:' .. group) or '', '%S+') do
        start(s, group .. ':bad', failure)
      end
      redis.call('HSETNX', flow, 'a:' .. group .. ':bad', failure)
    end
    if others > 0 then
      return
    elseif failures() == 0 then
      close(group, 'd', gathered(group, rule))
    else
      close(group, 'x', redis.call('HGET', flow, 'a:' .. group .. ':bad'))
    end
  elseif need then
    local ok = flow .. ':ok:' .. group
    if done then
      redis.call('SADD', ok, member)
      redis.call('PEXPIRE', ok, redis.call('PTTL', flow))
    end
    local count = redis.call('SCARD', ok)
    if count >= need then
      close(group, 'd', gathered(group, rule))
      halt()
    elseif count + others < need then
      close(group, 'x', failure)
      halt()
    end
  elseif not done and rule ~= 'each' then
    close(group, 'x', failure)
    halt()
  elseif others == 0 then
    close(group, 'd', gathered(group, rule))
  end
end

local function finish(letter, value)
  if ended then return end
  local keep, opened, known = unpack(redis.call('HMGET', flow, 'keep', 'opened', 'known'))
  local names = {d = 'done', x = 'dead', s = 'dead', g = 'discarded', e = 'expired', c = 'cancelled'}
  local text = '{"state":"' .. names[letter] .. '","attempt":1,"started":' .. opened .. ',"finished":' .. now
  if letter ~= 'd' then
    text = text .. ',"error":' .. (value or 'null')
  elseif value then
    text = text .. ',"value":' .. value
  else
    text = text .. ',"omitted":true'
  end
  if tonumber(keep) > 0 then redis.call('SET', result, text .. '}', 'PX', keep) end
  local rest = math.max(tonumber(keep), 60000)
  if known then redis.call('PEXPIRE', flow .. ':seen', math.max(rest, tonumber(known))) end
  for group in string.gmatch(redis.call('HGET', flow, 'gates') or '', '%S+') do
    for _, part in ipairs({':wait:', ':ok:', ':bad:'}) do redis.call('PEXPIRE', flow .. part .. group, rest) end
  end
  redis.call('PEXPIRE', flow, rest)
  redis.call('HSET', flow, 'ended', now, 'state', names[letter])
  ended = now
end

function spread(s, letter, value)
  local done = letter == 'd'
  local edges = s == step and {follow, onfail, oneither}
    or redis.call('HMGET', flow, 'n:' .. s, 'f:' .. s, 'e:' .. s)
  for kind, d, rule in string.gmatch(edges[1] or '', '([gm]?)([^%s=]+)=?(%S*)') do
    if kind == 'g' then
      arrive(d, s, done, value, rule)
    elseif not done then
      close(d, 's', value)
    elseif kind == 'm' then
      if left(d, s) == 0 then start(d) end
    else
      start(d, s, value)
    end
  end
  for d in string.gmatch(not done and edges[2] or '', '%S+') do start(d, s, value) end
  for d in string.gmatch(edges[3] or '', '%S+') do start(d) end
  if s == root then finish(letter, value) end
end

-- A group has ended, or a step will not run.
function close(s, letter, value)
  local before, by = state(s)
  if before and by ~= step then return end
  -- Nothing is what was too large together.
  tell(s, value or '')
  spread(s, letter, value)
  note(s, letter)
end

local function walk(key, outcome, about, letter, value, time, room, who)
  flow, result, step, verdict, said, now, most = key, outcome, about, letter, value, time, room
  local round
  root, ended, round, follow, onfail, oneither =
    unpack(redis.call('HMGET', flow, 'root', 'ended', 'round', 'n:' .. step, 'f:' .. step, 'e:' .. step))
  if not root then return end
  local own = round and who ~= '' and redis.call('HGET', flow, 'j:' .. step)
  if own and not string.find(own, '\n{"id":"' .. who .. '"', 1, true) then return ended and 1 or 0, {}, {} end

  -- What is read is kept, and what is written is written at the end: each call costs a microsecond
  -- or two.
  starts, stops, begun, texts, marks, told, changes, gone, leaving = {}, {}, {}, {}, {}, {}, {}, {}, {}
  local near, fields = {step}, {'s:' .. step}
  for d in string.gmatch(follow or '', '([^%sgm=]+)%S*') do
    near[#near + 1] = d
    fields[#fields + 1] = 's:' .. d
  end
  if #near <= 1000 then
    for i, found in ipairs(redis.call('HMGET', flow, unpack(fields))) do texts[near[i]] = found end
  end

  local group = string.match(step, '^(%d+):')
  local before = state(step)
  again = before and before ~= 'f'
  -- A job of an open group that had failed may be retried: the group waits for no failure.
  mended = again and group and verdict == 'd' and redis.call('SISMEMBER', flow .. ':bad:' .. group, step) == 1
  if again and not mended then
    verdict, said = before, redis.call('HGET', flow, 'a:' .. step) or 'null'
  elseif said ~= 'null' or mended then
    tell(step, said)
  end
  if group then arrive(group, step, verdict == 'd', said, 'many') else spread(step, verdict, said) end
  if before ~= verdict then note(step, verdict) end
  flush()
  return ended and 1 or 0, starts, stops
end
