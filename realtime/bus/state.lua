-- Say what the log knows of itself; make it when there is none. A log that has lost what somebody saw of it (a replica
-- that had missed it took over, say) gets a mark: from there on no cursor from before is believed, in any process.
--
-- KEYS   1 log   2 meta
-- ARGV   ids that were in the log, as far as the caller knows
-- Returns {newest id, birth}
local function parts(id)
  local ms, n = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(n)
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
  for _, id in ipairs(ARGV) do
    local ms = parts(id)
    if ms >= latest then
      latest = ms + 1
      at = string.format('%.0f-0', latest)
    end
  end
  id = redis.pcall('XADD', KEYS[1], at, 't', 'b', 'p', last)
  if type(id) == 'table' and id.err then id = redis.call('XADD', KEYS[1], '*', 't', 'b', 'p', last) end
  redis.call('HSET', KEYS[2], 'birth', id, 'last', id)
  return {id, id}
end

-- What others wrote here is not believed.
local last, birth = redis.call('HGET', KEYS[2], 'last'), redis.call('HGET', KEYS[2], 'birth')
if not (last and parts(last)) or redis.call('EXISTS', KEYS[1]) == 0 then return mark('0-0') end
if not (birth and parts(birth)) then birth = last end
local oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
for _, id in ipairs(ARGV) do
  local trimmed = oldest and before(id, oldest[1])
  if not trimmed and not before(id, birth) and #redis.call('XRANGE', KEYS[1], id, id, 'COUNT', 1) == 0 then
    return mark(last)
  end
end
return {last, birth}
