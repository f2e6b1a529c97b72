#!lua flags=allow-oom
-- find: look for jobs by their ids in one page of what is scheduled.
--
-- KEYS[1] scheduled   ZSET  job -> due time, server ms
-- ARGV[1] first rank of the page
-- ARGV[2] jobs in a page, at most 1,000
-- ARGV[3..] ids
--
-- Returns {looked, job, due ms, ...}
--           looked   jobs in this page; fewer than asked for: it was the last
-- Cost    O(log scheduled + page)
local wanted = {}
for i = 3, #ARGV do wanted[ARGV[i]] = true end

local page = redis.call('ZRANGE', KEYS[1], ARGV[1], ARGV[1] + ARGV[2] - 1, 'WITHSCORES')
local found = {#page / 2}
for i = 1, #page, 2 do
  local id = string.match(page[i], '^{"id":"([%w._-]+)"')
  if id and wanted[id] then
    found[#found + 1] = page[i]
    found[#found + 1] = page[i + 1]
  end
end
return found
