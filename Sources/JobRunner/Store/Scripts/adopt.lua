#!lua flags=allow-oom
-- adopt: a worker takes parked jobs of a kind that it knows.
--
-- They go to the worker that asked, not back to the list, where one that does
-- not know them might be quicker. A job is written to `active` before it leaves.
--
-- KEYS[1] parked            ZSET  kind -> since when there is one of it, server ms
-- KEYS[2] parked:<kind>     ZSET  job -> when it was parked, server ms
-- KEYS[3] active:<worker>   HASH  tag -> job, what this worker holds
-- KEYS[4] workers           ZSET  worker -> lease deadline, queue ms
-- KEYS[5] crashes           HASH  job id -> workers it was lost with
-- KEYS[6] cancelled         ZSET  job id -> when the mark lapses, ms
-- KEYS[7] meta              HASH  paused, fence
-- ARGV[1] worker id
-- ARGV[2] kind              <name>@<version>
-- ARGV[3] jobs wanted, 1 to 1,000
-- ARGV[4] the highest tag that this worker has seen, 0 for none
--
-- Returns as cycle does; fewer jobs than wanted: 16 MiB, or none is left
-- Cost    O(jobs * log parked)
local parked, jobs_of, active, workers, crashes, cancelled, meta = unpack(KEYS)
local worker, kind, want = ARGV[1], ARGV[2], tonumber(ARGV[3])

if not redis.call('ZSCORE', workers, worker) then return {-1} end

local time = redis.call('TIME')
local paused, last = unpack(redis.call('HMGET', meta, 'paused', 'fence'))
local fence, jobs, entries, marks, room = 0, {}, {}, {{}, {}}, 16777216

if not paused then
  for _, job in ipairs(redis.call('ZRANGE', jobs_of, 0, want - 1)) do
    room = room - #job
    if room < 0 and #jobs > 0 then break end
    jobs[#jobs + 1] = job
  end
  if #jobs > 0 then
    fence = math.max(time[1] * 1000000 + time[2], (last or 0) + 1, ARGV[4] + 1)
    local ids = {}
    for i, job in ipairs(jobs) do
      entries[2 * i - 1] = fence + i - 1
      entries[2 * i] = job
      local id = string.match(job, '^{"id":"([%w._-]+)"')
      ids[i] = id and #id <= 64 and id or redis.sha1hex(job)
    end
    redis.call('HSET', meta, 'fence', fence + #jobs - 1)
    redis.call('HSET', active, unpack(entries))
    redis.call('ZREM', jobs_of, unpack(jobs))
    if redis.call('EXISTS', crashes, cancelled) > 0 then
      marks = {redis.call('HMGET', crashes, unpack(ids)), redis.call('ZMSCORE', cancelled, unpack(ids))}
    end
  end
  if redis.call('EXISTS', jobs_of) == 0 then redis.call('ZREM', parked, kind) end
end

return {paused and 0 or 1, 0, redis.call('HLEN', active), fence, jobs, marks[1], marks[2]}
