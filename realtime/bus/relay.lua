-- Send a payload through the log without keeping it for any room's replay. The log is a chain: each entry names the one
-- before it.
--
-- KEYS   1 log   2 meta
-- ARGV   1 log length   2 payload
-- Returns its id
local last = newest()
if type(last) == 'table' then return last end
local function added()
  return redis.pcall('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 't', 'c', 'p', last, 'd', ARGV[2])
end
local id = added()
if type(id) == 'table' then
  last = born()
  if type(last) == 'table' then return last end
  id = added()
  if type(id) == 'table' then return id end
end
redis.call('HSET', KEYS[2], 'last', id)
return id
