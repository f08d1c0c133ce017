-- Some of the subscribers whose state or profile a partition keeps (stream/redis_store.py).
-- KEYS[1]  prefix of the partition's keys; its hash tag puts them all in one slot
-- ARGV…    buckets, three hexadecimal digits each
-- Gives    their fields; of whom both are kept stands there twice
local found = {}
for _, place in ipairs(ARGV) do
  for _, kind in ipairs({'state:', 'profile:'}) do
    for _, field in ipairs(redis.call('HKEYS', KEYS[1] .. kind .. place)) do
      found[#found + 1] = field
    end
  end
end
return found
