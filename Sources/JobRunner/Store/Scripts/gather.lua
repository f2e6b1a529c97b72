-- gather: the results of a group as one list; a part of `walk`.
--
-- Takes   flow: the keys of `walk`; group, and its rule
-- Returns JSON; nil when they are too large together, or of an open group over 10,000
-- Cost    O(members)
local function gathered(group, rule)
  local single = rule == 'one'
  if single then rule = 'all' end
  local names = redis.call('HGET', flow, 'v:' .. group)
  local parts, bytes, some = {}, 2, {}
  local function add(list)
    if #list == 0 then return true end
    local fields = {}
    for i, name in ipairs(list) do fields[i] = 'a:' .. name end
    local found = redis.call('HMGET', flow, unpack(fields))
    for i, value in ipairs(found) do
      local letter = rule ~= 'all' and rule ~= 'many' and state(list[i]) or 'd'
      value = told[list[i]] or value or 'null'
      if value == '' then value = 'null' end
      if list[i] == step then letter, value = verdict, said end
      if rule == 'each' then
        parts[#parts + 1] = '{"' .. (letter == 'd' and 'value' or 'error') .. '":' .. value .. '}'
      elseif letter == 'd' then
        parts[#parts + 1] = value
      end
      bytes = bytes + #(parts[#parts] or '') + 1
      if bytes > most then return false end
    end
    return true
  end
  if rule == 'many' then
    local count = tonumber(told[group .. ':open'] or redis.call('HGET', flow, 'a:' .. group .. ':open'))
    if not count then return 'null' end
    if count > 10000 then return nil end
    for i = 0, count - 1 do
      some[#some + 1] = group .. ':' .. i
      if #some == 1000 then
        if not add(some) then return nil end
        some = {}
      end
    end
  else
    for name in string.gmatch(names or '', '%S+') do some[#some + 1] = name end
  end
  if not add(some) then return nil end
  if single then return parts[1] end
  return '[' .. table.concat(parts, ',') .. ']'
end
