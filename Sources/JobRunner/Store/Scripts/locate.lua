#!lua flags=no-writes
-- locate: look for one job by its id in a page of a place where jobs are.
--
-- KEYS[1] place       LIST or ZSET of jobs, or HASH tag -> job
-- ARGV[1] first rank of the page; a list is counted from its right end
-- ARGV[2] jobs in a page, at most 1,000; a hash is one page
-- ARGV[3] id
--
-- Returns {looked, found, score, job}
--           looked   jobs in this page; fewer than asked for: it was the last
--           found    1 when it is among them; without it nothing follows
--           score    its score in a ZSET, '' elsewhere
--           job      its JSON, '' when that has over 1 MiB
-- Cost    O(log n + page) in a ZSET, O(first rank + page) in a list, O(n) in a hash
local kind = redis.call('TYPE', KEYS[1]).ok
local from, count = tonumber(ARGV[1]), tonumber(ARGV[2])
local page = {}
if kind == 'list' then
  page = redis.call('LRANGE', KEYS[1], -from - count, -from - 1)
elseif kind == 'zset' then
  page = redis.call('ZRANGE', KEYS[1], from, from + count - 1)
elseif kind == 'hash' and from == 0 then
  page = redis.call('HVALS', KEYS[1])
end

local head = '{"id":"' .. ARGV[3] .. '"'
for i = 1, #page do
  local text = page[i]
  local start = 1
  -- In `dead` a line with the reason stands before the job.
  if string.sub(text, 1, 1) ~= '{' then start = (string.find(text, '\n', 1, true) or 0) + 1 end
  if string.sub(text, start, start + #head - 1) == head then
    local score = ''
    if kind == 'zset' then score = redis.call('ZSCORE', KEYS[1], text) or '' end
    local job = #text <= 1048576 and string.sub(text, start) or ''
    return {#page, 1, score, job}
  end
end
return {#page, 0}
