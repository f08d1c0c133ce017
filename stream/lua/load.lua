-- What one step needs of a partition, in one round trip (stream/redis_store.py, stream/layout.py).
-- KEYS[1]  prefix of the partition's keys; its hash tag puts them all in one slot
-- ARGV[1]  time up to which timers are wanted, microseconds; empty for none
-- ARGV[2]  how many timers at most
-- ARGV[3]  the subscribers' fields, run together
-- ARGV[4]  MessagePack: their lengths
-- Gives    progress, 1 where the first layout may hold somebody, length of the outbox,
--          [state of each subscriber], [its profile],
--          [field, due, …] of the timers, [state of each of these], [its profile]
local prefix = KEYS[1]
local until_text, limit = ARGV[1], tonumber(ARGV[2])

local asked, at = {}, 1
for i, length in ipairs(cmsgpack.unpack(ARGV[4])) do
  asked[i] = ARGV[3]:sub(at, at + length - 1)
  at = at + length
end

local function bucket(field)
  return string.format('%03x', (field:byte(2) or 0) * 16 + math.floor((field:byte(3) or 0) / 16))
end

local function kept(fields)
  local states, profiles = {}, {}
  for i, field in ipairs(fields) do
    local place = bucket(field)
    states[i] = redis.call('HGET', prefix .. 'state:' .. place, field)
    profiles[i] = redis.call('HGET', prefix .. 'profile:' .. place, field)
  end
  return states, profiles
end

-- The first `limit` timers in the order (due, field). Buckets come in the order of their earliest
-- timer, and fields in that of buckets: what is due later than the earliest of the bucket after the
-- last one looked at is not among the first.
local function due()
  local found = {}
  local buckets = redis.call('ZRANGEBYSCORE', prefix .. 'due', '-inf', until_text, 'WITHSCORES',
    'LIMIT', 0, limit)
  local last = #buckets == 2 * limit and buckets[#buckets] or until_text
  local latest = -math.huge
  for i = 1, #buckets, 2 do
    if #found >= limit and tonumber(buckets[i + 1]) >= latest then
      break
    end
    local timers = redis.call('ZRANGEBYSCORE', prefix .. 'timers:' .. buckets[i], '-inf', last,
      'WITHSCORES', 'LIMIT', 0, limit)
    for j = 1, #timers, 2 do
      local time = tonumber(timers[j + 1])
      latest = math.max(latest, time)
      found[#found + 1] = {time, timers[j], timers[j + 1]}
    end
  end
  table.sort(found, function(one, other)
    return one[1] < other[1] or (one[1] == other[1] and one[2] < other[2])
  end)
  return found
end

local timers, timed = {}, {}
if until_text ~= '' then
  for i, entry in ipairs(due()) do
    if i > limit then
      break
    end
    timed[i] = entry[2]
    timers[2 * i - 1], timers[2 * i] = entry[2], entry[3]
  end
end

local progress = redis.call('GET', prefix .. 'progress') or ''
local first_layout = progress ~= '' and redis.call('EXISTS', prefix .. 'layout') == 0
local states, profiles = kept(asked)
local timed_states, timed_profiles = kept(timed)
return {
  progress, first_layout and 1 or 0, redis.call('XLEN', prefix .. 'outbox'),
  states, profiles, timers, timed_states, timed_profiles,
}
