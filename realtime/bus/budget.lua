-- Takes tokens out of a bucket that all processes share; what is left unused may be put back in.
--
-- KEYS  1 the bucket
-- ARGV  1 tokens a second that come in   2 tokens that it holds   3 the fewest that are of use   4 the most that are
--       5 what is put back
-- Returns how many were taken, and when that is none, the milliseconds after which there may be enough.
--
-- The time is Redis's own: processes on several machines need no clocks that agree. A bucket that is full is not kept.
local rate, size, least, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local back = tonumber(ARGV[5])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])

local left, at = size, now
-- Whatever else lies there counts for nothing, and is written over.
local kept = redis.pcall('GET', KEYS[1])
if type(kept) == 'string' and #kept < 64 then
  local tokens, since = string.match(kept, '^(%d+%.?%d*) (%d+)$')
  if tokens then
    -- A clock that was set back, or another Redis's after a failover, refills nothing.
    left, at = tonumber(tokens), math.min(tonumber(since), now)
  end
end
left = math.min(size, left + (now - at) * rate / 1000000 + back)

local taken = math.floor(math.min(left + 0.000001, most))
if taken < least then taken = 0 end
if taken > 0 or back > 0 then
  left = math.max(left - taken, 0)
  redis.call('SET', KEYS[1], string.format('%.6f %.0f', left, now), 'PX', math.ceil((size - left) * 1000 / rate) + 1000)
end
if taken > 0 then return {taken, 0} end
return {0, math.max(math.ceil((least - left) * 1000 / rate), 1)}
