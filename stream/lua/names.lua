-- Some of the subscribers whose state or profile a partition keeps (stream/redis_store.py).
-- KEYS[1]  prefix of the partition's keys; its hash tag puts them all in one slot
-- ARGV[1]  the bucket to begin with, a number
-- ARGV[2]  at how many names to stop, after a whole bucket
-- ARGV[3]  at how many buckets to stop
-- Gives    the bucket after the last one, then fields; of whom both are kept stands there twice
local first = tonumber(ARGV[1])
local place, found = first, {0}
while #found <= tonumber(ARGV[2]) and place < first + tonumber(ARGV[3]) do
  for _, kind in ipairs({'state:', 'profile:'}) do
    for _, field in ipairs(redis.call('HKEYS', KEYS[1] .. kind .. string.format('%03x', place))) do
      found[#found + 1] = field
    end
  end
  place = place + 1
end
found[1] = place
return found
