#!lua flags=allow-oom
-- dead: takes dead jobs out of the dead, to run again or for good.
--
-- Each only while it is there, destination first, so a call sent again after a
-- lost reply moves nothing twice. A job that runs again joins the end of the
-- queue, and the outcome that said it was dead goes.
--
-- KEYS[1] dead          ZSET    "<worker>/<tag> <reason>\n<job>" -> time of death, ms
-- KEYS[2] ready         LIST    oldest at the right
-- KEYS[3..] result:<id> STRING  for a retry one per job, in order
-- ARGV[1] what          retry, or delete
-- ARGV[2..] per job: what stands in `dead`, and for a retry the bytes to run; at most 1,000 jobs
--
-- Returns how many of them were there
-- Cost    O(jobs * log dead)
local dead, ready, moved = KEYS[1], KEYS[2], 0
local retries = ARGV[1] == 'retry'
if not retries and ARGV[1] ~= 'delete' then return redis.error_reply('ERR dead: unknown move') end

for at = 2, #ARGV, retries and 2 or 1 do
  if redis.call('ZSCORE', dead, ARGV[at]) then
    if retries then
      redis.call('LPUSH', ready, ARGV[at + 1])
      redis.call('DEL', KEYS[2 + at / 2])
    end
    redis.call('ZREM', dead, ARGV[at])
    moved = moved + 1
  end
end
return moved
