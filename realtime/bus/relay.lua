-- Send a payload through the log without keeping it for any room's replay. The log is a chain: each entry names the one
-- before it.
--
-- KEYS   1 log   2 meta
-- ARGV   1 log length   2 payload
-- Returns its id
local last = redis.call('HGET', KEYS[2], 'last')
if not last or redis.call('EXISTS', KEYS[1]) == 0 then
  last = redis.call('XADD', KEYS[1], '*', 't', 'b', 'p', '0-0')
  redis.call('HSET', KEYS[2], 'birth', last)
end
local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 't', 'c', 'p', last, 'd', ARGV[2])
redis.call('HSET', KEYS[2], 'last', id)
return id
