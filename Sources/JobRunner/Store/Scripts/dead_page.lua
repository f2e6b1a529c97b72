#!lua flags=no-writes
-- dead_page: a page of the dead, newest first, bounded in number and in bytes.
--
-- Ranks count from the oldest, and pages go down: who dies in a later
-- millisecond, or is taken out of a page that was read, moves nobody who is
-- still to be read. Taken out of a later page: some are read twice, none missed.
--
-- KEYS[1] dead      ZSET  "<worker>/<tag> <reason>\n<job>" -> time of death, ms
-- ARGV[1] below     read down from this rank, itself not included; "" starts with the newest
-- ARGV[2] jobs      most of one page
-- ARGV[3] bytes     most of one page; the first is given whole all the same, up to
-- ARGV[4] bytes     most of one job; of a longer one only its head, 4 KiB, comes
--
-- Returns {below, of each its text, its length, its time}
--           below     where the next page starts; 0: this was the last
-- Cost    O(jobs * log dead + bytes)
local dead, most, room, longest = KEYS[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local count = redis.call('ZCARD', dead)
local below = math.min(tonumber(ARGV[1]) or count, count)

local reply = {0}
while below > 0 and #reply < 3 * most do
  local entry = redis.call('ZRANGE', dead, below - 1, below - 1, 'WITHSCORES')
  local text, size = entry[1], #entry[1]
  if size > longest then text = string.sub(text, 1, 4096) end
  room = room - #text
  if room < 0 and #reply > 1 then break end
  reply[#reply + 1], reply[#reply + 2], reply[#reply + 3] = text, size, entry[2]
  below = below - 1
end
reply[1] = below
return reply
