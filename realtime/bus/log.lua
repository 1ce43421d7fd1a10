-- What the scripts that write the log have in common. It stands in front of each of them.
--
-- KEYS   1 log   2 meta
--
-- What others wrote under these keys is not believed: it is replaced, so that nothing honest is refused for it.

local function is_number(digits)
  if #digits > 20 or (#digits > 1 and string.byte(digits) == 48) then return false end
  return #digits < 20 or digits <= '18446744073709551615'
end

-- Whether it is an id, as every reader understands it: two numbers below 2^64.
local function is_id(text)
  if type(text) ~= 'string' then return false end
  local ms, n = string.match(text, '^(%d+)%-(%d+)$')
  return ms ~= nil and is_number(ms) and is_number(n)
end

-- Begin the log anew: the mark's id, or the error. What is no log, or has come to the end of all ids, is dropped.
local function born()
  local id = redis.pcall('XADD', KEYS[1], '*', 't', 'b', 'p', '0-0')
  if type(id) == 'table' then
    if not (string.find(id.err, 'WRONGTYPE', 1, true) or string.find(id.err, 'last possible', 1, true)) then
      return id
    end
    redis.call('DEL', KEYS[1])
    id = redis.call('XADD', KEYS[1], '*', 't', 'b', 'p', '0-0')
  end
  if type(redis.pcall('HSET', KEYS[2], 'birth', id)) == 'table' then
    redis.call('DEL', KEYS[2])
    redis.call('HSET', KEYS[2], 'birth', id)
  end
  return id
end

-- The log's newest id, which the next entry names; begun anew, or an error, where there is none that can be believed.
local function newest()
  local last = redis.pcall('HGET', KEYS[2], 'last')
  if is_id(last) and redis.call('EXISTS', KEYS[1]) == 1 then return last end
  -- The log is new, or was lost: a birth mark tells it from any log before it.
  return born()
end

-- Add an entry with these fields, which names the one before it: its id, or an error.
--
-- ARGV   1 log length
local function appended(...)
  local last = newest()
  if type(last) == 'table' then return last end
  local id = redis.pcall('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'p', last, ...)
  if type(id) == 'table' then
    last = born()
    if type(last) == 'table' then return last end
    id = redis.pcall('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'p', last, ...)
    if type(id) == 'table' then return id end
  end
  redis.call('HSET', KEYS[2], 'last', id)
  return id
end
