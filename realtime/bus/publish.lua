-- Publish one message, atomically: check the key, take an id from the log, add the message to each room's log under
-- the same id together with the id of the room's message before it, so that a hole is visible to any reader.
--
-- KEYS   1 log   2 meta   3 key   then per room: its log, its tail
-- ARGV   1 log length   2 history length   3 history ttl ms   4 tail ttl ms   5 key ttl ms
--        6 digest   7 event   8 data   9 skip   10 spread ("1" or "")   11 rooms joined by LF
--        12 transient ("1" or ""): for who is connected now; then no room's log is among the keys
-- Returns the id; where the key was known, {its message's id, its message's digest}
local known = redis.pcall('GET', KEYS[3])
if type(known) == 'string' then
  local at, digest = string.match(known, '^(%d+%-%d+) (.*)$')
  if is_id(at) then
    -- A repeat is a write, too: whoever waits for replicas then waits for what the first one wrote.
    local left = redis.call('PTTL', KEYS[3])
    if left > 0 then redis.call('PEXPIRE', KEYS[3], left) end
    return {at, digest}
  end
end

local fields = {'e', ARGV[7], 'd', ARGV[8]}
if ARGV[9] ~= '' then fields[#fields + 1] = 'x'; fields[#fields + 1] = ARGV[9] end
if ARGV[10] ~= '' then fields[#fields + 1] = 's'; fields[#fields + 1] = '1' end
if ARGV[12] ~= '' then fields[#fields + 1] = 'v'; fields[#fields + 1] = '1' end

-- The end of its key is the entry's mark: two logs that have the same id tell by it that they are two.
local id = appended('t', 'm', 'k', string.sub(KEYS[3], -8), 'r', ARGV[11], unpack(fields))
if type(id) == 'table' then return id end

for i = 4, #KEYS, 2 do
  local previous = redis.pcall('GET', KEYS[i + 1]) or '0-0'
  -- Where it cannot be known what was before, the message names itself: no cursor from before is taken for complete.
  if not is_id(previous) then previous = id end
  local entry = {'MAXLEN', '~', ARGV[2], id, 'p', previous, 'r', ARGV[11], unpack(fields)}
  local added = redis.pcall('XADD', KEYS[i], unpack(entry))
  if type(added) == 'table' and added.err then
    -- Somebody else wrote there: an id from the future, or no stream at all. The message is in the log already, and
    -- nothing may be half done: the room's log begins anew, and its chain tells every reader what is missing.
    redis.call('DEL', KEYS[i])
    redis.call('XADD', KEYS[i], unpack(entry))
  end
  redis.call('PEXPIRE', KEYS[i], ARGV[3])
  redis.call('SET', KEYS[i + 1], id, 'PX', ARGV[4])
end
redis.call('SET', KEYS[3], id .. ' ' .. ARGV[6], 'PX', ARGV[5])
return id
