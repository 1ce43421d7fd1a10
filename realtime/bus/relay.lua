-- Send a payload through the log without keeping it for any room's replay. The log is a chain: each entry names the one
-- before it.
--
-- KEYS   1 log   2 meta
-- ARGV   1 log length   2 payload
-- Returns its id
return appended('t', 'c', 'd', ARGV[2])
