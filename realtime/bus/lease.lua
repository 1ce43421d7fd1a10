-- Leases of the processes that write a roster, by Redis's own clock: those of several machines differ.
--
-- KEYS   1 leases   2 what the process wrote: its rooms, then each room's sheet (bury)
-- ARGV   1 "renew", "alive", "over" or "bury"   2 process (renew, bury)   3 ttl ms (renew)   4 day ms (renew)
-- Returns   renew: whether there was one   alive, over: processes   bury: whether it was over
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[1] == 'alive' then return redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. string.format('%.0f', now), '+inf') end
if ARGV[1] == 'over' then return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now)) end
local held = redis.call('ZSCORE', KEYS[1], ARGV[2])
if ARGV[1] == 'renew' then
  redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[3]), ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
  return held and 1 or 0
end
if not held or tonumber(held) > now then return 0 end
redis.call('ZREM', KEYS[1], ARGV[2])
for i = 2, #KEYS do redis.call('DEL', KEYS[i]) end
return 1
