-- How many timers a partition has (stream/redis_store.py).
-- KEYS[1]  prefix of the partition's keys; its hash tag puts them all in one slot
local count = redis.call('ZCARD', KEYS[1] .. 'timers') -- of the first layout
for _, place in ipairs(redis.call('ZRANGE', KEYS[1] .. 'due', 0, -1)) do
  count = count + redis.call('ZCARD', KEYS[1] .. 'timers:' .. place)
end
return count
