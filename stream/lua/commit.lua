-- Writes what one step decided, all of it or nothing (stream/redis_store.py).
-- KEYS[1]  prefix of the partition's keys; its hash tag puts them all in one slot
-- ARGV[1]  the progress as it was loaded; empty where there was none
-- ARGV[2]  the progress from here on
-- ARGV[3…] for each of states, profiles, timers, aside: a count, then that many pairs
--          (subscriber, value); an empty value takes it away; then for outbox and rules:
--          a count, then that many values, or pairs of file name and content
-- Gives    1 when written, 0 when the partition had moved on
local prefix = KEYS[1]
if (redis.call('GET', prefix .. 'progress') or '') ~= ARGV[1] then
  return 0
end

local at = 3

local function count()
  at = at + 1
  return tonumber(ARGV[at - 1])
end

local function pairs_of(write)
  for _ = 1, count() do
    write(ARGV[at], ARGV[at + 1])
    at = at + 2
  end
end

local function keep(kind)
  return function(subscriber, value)
    if value == '' then
      redis.call('DEL', prefix .. kind .. subscriber)
    else
      redis.call('SET', prefix .. kind .. subscriber, value)
    end
  end
end

pairs_of(keep('s:'))
pairs_of(keep('f:'))
pairs_of(function(subscriber, due)
  if due == '' then
    redis.call('ZREM', prefix .. 'timers', subscriber)
  else
    redis.call('ZADD', prefix .. 'timers', due, subscriber)
  end
end)
pairs_of(function(subscriber, reason)
  if reason == '' then
    redis.call('HDEL', prefix .. 'aside', subscriber)
  else
    redis.call('HSET', prefix .. 'aside', subscriber, reason)
  end
end)
for _ = 1, count() do
  redis.call('XADD', prefix .. 'outbox', '*', 'v', ARGV[at])
  at = at + 1
end
local files = count()
if files >= 0 then
  redis.call('DEL', prefix .. 'rules')
  for _ = 1, files do
    redis.call('HSET', prefix .. 'rules', ARGV[at], ARGV[at + 1])
    at = at + 2
  end
end
redis.call('SET', prefix .. 'progress', ARGV[2])
return 1
