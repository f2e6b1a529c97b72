#!lua flags=allow-oom
-- unpark: moves parked jobs of one kind on, a bounded number a call, oldest first.
--
-- KEYS[1] parked            ZSET  kind -> since when there is one of it, server ms
-- KEYS[2] parked:<kind>     ZSET  job -> when it was parked, server ms
-- KEYS[3] ready             LIST  its right end is fetched next
-- KEYS[4] dead              ZSET  "<worker>/<tag> <reason>\n<job>" -> time of death, ms
-- KEYS[5] crashes           HASH  job id -> workers it was lost with
-- ARGV[1] kind              <name>@<version>
-- ARGV[2] what              release: fetched next; bury: to the dead; discard: away
-- ARGV[3] limit             most jobs moved by one call, at most 1,000
-- ARGV[4] age ms            only those parked for so long; 0 is all
--
-- Returns {moved, left, jobs}
--         left  0: none of that age is left
--         jobs  those that were buried, or discarded
-- Cost    O(limit * log parked)
local parked, jobs, ready, dead, crashes = unpack(KEYS)
local kind, what, limit, age = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local due = redis.call('ZRANGEBYSCORE', jobs, '-inf', now - age, 'LIMIT', 0, limit)

for i = #due, 1, -1 do
  local job = due[i]
  if what == 'release' then
    redis.call('RPUSH', ready, job)
  elseif what == 'bury' then
    redis.call('ZADD', dead, now, '-/0 parked too long: no worker knows ' .. kind .. '\n' .. job)
  elseif what ~= 'discard' then
    return redis.error_reply('ERR unpark: unknown move')
  end
  if what ~= 'release' then
    local id = string.match(job, '^{"id":"([%w._-]+)"')
    redis.call('HDEL', crashes, id and #id <= 64 and id or redis.sha1hex(job))
  end
  redis.call('ZREM', jobs, job)
end

if redis.call('EXISTS', jobs) == 0 then redis.call('ZREM', parked, kind) end
return {#due, redis.call('ZCOUNT', jobs, '-inf', now - age), what == 'release' and {} or due}
