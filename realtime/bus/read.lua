-- One consistent look at several rooms' logs and at the state of the whole log.
--
-- KEYS   1 log   2 meta   then per room: its log, its tail
-- ARGV   1 "after" or "before"   2 the cursor   3 end of the range ("+" for none)   4 how many of each room
-- Returns {newest id, birth, oldest id, cursor is in the log, Redis' clock in ms, then per room {entries, tail}};
-- "" where there is none
--
-- What is not of its kind, because somebody else wrote it, is as good as not there.
local function read(...)
  local found = redis.pcall(...)
  if type(found) == 'table' and found.err then return nil end
  return found
end

local meta = read('HMGET', KEYS[2], 'last', 'birth') or {}
local oldest = read('XRANGE', KEYS[1], '-', '+', 'COUNT', 1) or {}
-- Keys expire and ids rise by this clock, not by that of whoever asks.
local now = read('TIME') or {0, 0}
local answer = {meta[1] or '', meta[2] or '', '', 0, now[1] * 1000 + math.floor(now[2] / 1000)}
if oldest[1] then answer[3] = oldest[1][1] end
if ARGV[1] == 'after' and #(read('XRANGE', KEYS[1], ARGV[2], ARGV[2], 'COUNT', 1) or {}) > 0 then answer[4] = 1 end
for i = 3, #KEYS, 2 do
  local entries
  if ARGV[1] == 'after' then
    entries = read('XRANGE', KEYS[i], '(' .. ARGV[2], ARGV[3], 'COUNT', ARGV[4])
  else
    entries = read('XREVRANGE', KEYS[i], ARGV[3], '-', 'COUNT', ARGV[4])
  end
  -- Nothing is after the last possible id or before the first, either; Redis calls that an error.
  answer[#answer + 1] = {entries or {}, read('GET', KEYS[i + 1]) or ''}
end
return answer
