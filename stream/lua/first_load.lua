-- What the first layout has of subscribers and of timers (stream/first_layout.py).
-- KEYS[1]  prefix of the partition's keys; its hash tag puts them all in one slot
-- ARGV[1]  time up to which timers are wanted, microseconds; empty for none
-- ARGV[2]  how many timers at most
-- ARGV[3…] subscribers
-- Gives    [state of each subscriber], [its profile],
--          [subscriber, due, …] of the timers, [state of each of these], [its profile]
local prefix = KEYS[1]
local CHUNK = 1000 -- unpack() has a limit of some 8,000

local function values(kind, subscribers)
  local found = {}
  for first = 1, #subscribers, CHUNK do
    local keys = {}
    for i = first, math.min(first + CHUNK - 1, #subscribers) do
      keys[#keys + 1] = prefix .. kind .. subscribers[i]
    end
    for _, value in ipairs(redis.call('MGET', unpack(keys))) do
      found[#found + 1] = value
    end
  end
  return found
end

local asked = {}
for i = 3, #ARGV do
  asked[#asked + 1] = ARGV[i]
end

local due, timed = {}, {}
if ARGV[1] ~= '' then
  due = redis.call('ZRANGEBYSCORE', prefix .. 'timers', '-inf', ARGV[1], 'WITHSCORES',
    'LIMIT', 0, ARGV[2])
  for i = 1, #due, 2 do
    timed[#timed + 1] = due[i]
  end
end

return {
  values('s:', asked),
  values('f:', asked),
  due,
  values('s:', timed),
  values('f:', timed),
}
