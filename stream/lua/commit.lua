-- Writes what one step decided, all of it or nothing (stream/redis_store.py, stream/layout.py).
-- KEYS[1]  prefix of the partition's keys; its hash tag puts them all in one slot
-- ARGV[1]  the progress as it was loaded; empty where there was none
-- ARGV[2]  the progress from here on
-- ARGV[3]  all values of seven lists, run together: states, profiles and timers, in pairs of field
--          and value; subscribers aside, in pairs of name and reason; entries for the outbox; rules,
--          in pairs of file name and content; what moves out of the first layout, in pairs of kind
--          and name. An empty value, due time or reason takes it away
-- ARGV[4]  MessagePack: for each list its values' lengths; -1 in that of rules leaves them
-- Gives    1 when written, 0 when the partition had moved on
local prefix = KEYS[1]
if (redis.call('GET', prefix .. 'progress') or '') ~= ARGV[1] then
  return 0
end

local at = 1
local function values(lengths)
  local found = {}
  for i, length in ipairs(lengths) do
    found[i] = ARGV[3]:sub(at, at + length - 1)
    at = at + length
  end
  return found
end

local function bucket(field)
  return string.format('%03x', (field:byte(2) or 0) * 16 + math.floor((field:byte(3) or 0) / 16))
end

local function keep(kind, lengths)
  local entries = values(lengths)
  for i = 1, #entries, 2 do
    local field, value = entries[i], entries[i + 1]
    if value == '' then
      redis.call('HDEL', prefix .. kind .. bucket(field), field)
    else
      redis.call('HSET', prefix .. kind .. bucket(field), field, value)
    end
  end
end

local function set(lengths)
  local entries, touched = values(lengths), {}
  for i = 1, #entries, 2 do
    local field, due = entries[i], entries[i + 1]
    local place = bucket(field)
    touched[place] = true
    if due == '' then
      redis.call('ZREM', prefix .. 'timers:' .. place, field)
    else
      redis.call('ZADD', prefix .. 'timers:' .. place, due, field)
    end
  end
  for place in pairs(touched) do
    local earliest = redis.call('ZRANGE', prefix .. 'timers:' .. place, 0, 0, 'WITHSCORES')
    if #earliest == 0 then
      redis.call('ZREM', prefix .. 'due', place)
    else
      redis.call('ZADD', prefix .. 'due', earliest[2], place)
    end
  end
end

local lists = cmsgpack.unpack(ARGV[4])
keep('state:', lists[1])
keep('profile:', lists[2])
set(lists[3])
local aside = values(lists[4])
for i = 1, #aside, 2 do
  if aside[i + 1] == '' then
    redis.call('HDEL', prefix .. 'aside', aside[i])
  else
    redis.call('HSET', prefix .. 'aside', aside[i], aside[i + 1])
  end
end
for _, entry in ipairs(values(lists[5])) do
  redis.call('XADD', prefix .. 'outbox', '*', 'v', entry)
end
if lists[6][1] ~= -1 then
  redis.call('DEL', prefix .. 'rules')
  local rules = values(lists[6])
  for i = 1, #rules, 2 do
    redis.call('HSET', prefix .. 'rules', rules[i], rules[i + 1])
  end
end
local first = values(lists[7])
for i = 1, #first, 2 do
  if first[i] == 'timers' then
    redis.call('ZREM', prefix .. 'timers', first[i + 1])
  else
    redis.call('DEL', prefix .. first[i] .. first[i + 1])
  end
end
redis.call('SET', prefix .. 'progress', ARGV[2])
if ARGV[1] == '' then
  redis.call('SET', prefix .. 'layout', '2')
end
return 1
