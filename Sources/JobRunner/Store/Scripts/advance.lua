#!lua flags=allow-oom
-- advance: a job of a workflow ended; what may start now, and what is not wanted any more.
--
-- For a workflow whose jobs are in several queues: a worker reports a job before it
-- acks it, and acks it with what may start now, or enqueues that before: dying in
-- between repeats the report, and gets the same answer. The rest say `report` and `walk`.
--
-- KEYS[1] flow:<id>     HASH    and the sets under it
-- KEYS[2] result:<id>   STRING  the outcome of the whole
-- ARGV[1] step
-- ARGV[2] state   one letter
-- ARGV[3] what it returned, or its failure, JSON; empty is nothing
-- ARGV[4] bytes   that the results of a group may have together
-- ARGV[5] id of the job that says so; empty or left out for a mark
-- ARGV[6] what its place says that its end leads to, see `report`; empty or left out for nothing
--
-- Returns {-1}  no such workflow (any more)
--         {ended, jobs, stops}
--           ended  1 the workflow has
--           jobs   step, "<queue>\n<job>", of what may start
--           stops  "<queue>\n<job>" of those that run or wait and are not wanted
-- Cost    that of `walk`
-- include report
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local said = ARGV[3] ~= '' and ARGV[3] or 'null'
local group, next, takes = string.match(ARGV[6] or '', '^(g?)(%d+)(<?)$')
local ended, starts, stops, input =
  report(KEYS[1], KEYS[2], ARGV[1], ARGV[2], said, now, tonumber(ARGV[4]), ARGV[5] or '', group, next, takes)
if not ended then return {-1} end
if input then starts[2] = filled(starts[2], 1, input) end
return {ended, starts, stops}
