-- Say what the log knows of itself; make it when there is none. A log that has lost what somebody saw of it (a replica
-- that had missed it took over, say) gets a mark: from there on no cursor from before is believed, in any process.
--
-- KEYS   1 log   2 meta
-- ARGV   ids that were in the log, as far as the caller knows, each with the mark of its message where that is known
-- Returns {newest id, birth}
--
-- An id alone is no proof: of two nodes that both took themselves for the primary, each may have given it.
local function parts(id)
  local ms, n = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(n)
end

local seen = {}
for _, said in ipairs(ARGV) do
  local id, mark = string.match(said, '^(%d+%-%d+) ?(.*)$')
  seen[#seen + 1] = {id = id, mark = mark}
end

local function before(one, other)
  local ms, n = parts(one)
  local other_ms, other_n = parts(other)
  return ms < other_ms or (ms == other_ms and n < other_n)
end

-- The mark's id comes after what was seen, also where a clock went back meanwhile.
local function mark(last)
  local at, id = '*', nil
  local now = redis.call('TIME')
  local latest = now[1] * 1000 + math.floor(now[2] / 1000)
  for _, one in ipairs(seen) do
    local ms = parts(one.id)
    if ms >= latest then
      latest = ms + 1
      at = string.format('%.0f-0', latest)
    end
  end
  id = redis.pcall('XADD', KEYS[1], at, 't', 'b', 'p', last)
  if type(id) == 'table' then id = born() end
  if type(id) == 'table' then return id end
  redis.call('HSET', KEYS[2], 'birth', id, 'last', id)
  return {id, id}
end

-- A key that is not of its kind is nobody's log: as long as it were there, nobody could follow, nor publish.
for key, kind in pairs({[KEYS[1]] = 'stream', [KEYS[2]] = 'hash'}) do
  local found = redis.call('TYPE', key).ok
  if found ~= kind and found ~= 'none' then redis.call('DEL', key) end
end

local last, birth = redis.call('HGET', KEYS[2], 'last'), redis.call('HGET', KEYS[2], 'birth')
if not is_id(last) or redis.call('EXISTS', KEYS[1]) == 0 then return mark('0-0') end
if not is_id(birth) then
  birth = last
  redis.call('HSET', KEYS[2], 'birth', birth)
end
local oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]

local function known(id, mark)
  local entry = redis.call('XRANGE', KEYS[1], id, id, 'COUNT', 1)[1]
  if not entry then return false end
  for i = 1, #entry[2], 2 do
    if entry[2][i] == 'k' and mark ~= '' then return entry[2][i + 1] == mark end
  end
  return true
end

for _, one in ipairs(seen) do
  local trimmed = oldest and before(one.id, oldest[1])
  if not trimmed and not before(one.id, birth) and not known(one.id, one.mark) then return mark(last) end
end
return {last, birth}
