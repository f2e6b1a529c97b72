-- place: where a job that may start goes; a part of `enqueue`, `promote`, `tick` and `fire`.
--
-- One without a rank goes to `ready`. One with a rank, of a priority or a tenant, goes to
-- `ordered`; but to `ready` when nothing waits, where blocked workers see it, and its
-- rank is noted for cycle.
--
-- Takes   ready, ordered, turns, meta: the keys, and now, ms, as its script calls them; one: the job
-- Returns nothing of use
-- Cost    O(log ordered)
local function place(one)
  local at = string.match(one, '^{"id":"[%w._-]+",()"[pf]')
  local urgent = at and string.match(one, '^"priority":([1-9])[,}]', at)
  if urgent then at = at + 13 end
  local tenant = at and string.match(one, '^"fair":"([%w._-]+)"', at)
  if not (urgent or tenant) then return redis.call('LPUSH', ready, one) end
  local rank = now
  if tenant then
    redis.call('HSETNX', meta, 'turn', now)
    rank = math.max(redis.call('ZSCORE', turns, tenant) or 0, redis.call('HGET', meta, 'turn')) + 1
    redis.call('ZADD', turns, rank, tenant)
  end
  rank = string.format('%.0f', rank - (urgent or 0) * 10000000000000)
  if redis.call('EXISTS', ready, ordered) == 0 then
    redis.call('HSET', meta, 'alarm', rank)
    return redis.call('LPUSH', ready, one)
  end
  redis.call('HSET', meta, 'ranked', 1)
  redis.call('ZADD', ordered, rank, one)
end
