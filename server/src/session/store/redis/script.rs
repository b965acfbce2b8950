//! The scripts. Redis runs each as one step.
//!
//! A session is a hash with the fields `record`, `listing`, `ends`, `user`, `sid` and `sid_iss`; the last three name
//! the sorted sets that it is in, and are empty for none.

use std::sync::LazyLock;

use redis::Script;

/// What several scripts share.
const SHARED: &str = "
local prefix, key = ARGV[1], ARGV[2]
local kinds = {'user', 'sid', 'sid_iss'}

-- Notes a session under a hash. What has ended goes, so that a set never grows for ever; the set itself goes
-- when none of its sessions can still live.
local function note(kind, hash, ends, now, longest)
  if hash == '' then return end
  local name = prefix .. kind .. ':' .. hash
  redis.call('ZREMRANGEBYSCORE', name, '-inf', now)
  redis.call('ZADD', name, ends, key)
  if redis.call('TTL', name) + redis.call('TIME')[1] < tonumber(longest) then
    redis.call('EXPIREAT', name, longest)
  end
end

-- The fields of a session that has not ended.
local function live(now)
  local found = redis.call('HMGET', KEYS[1], 'ends', 'user', 'sid', 'sid_iss')
  local ends = tonumber(found[1] or '')
  if ends and ends > tonumber(now) then return found end
end
";

fn script(body: &str) -> Script {
    Script::new(&format!("{SHARED}{body}"))
}

/// prefix, key, record, listing, ends, user, sid, sid_iss, now, longest → whether it was new.
pub static CREATE: LazyLock<Script> = LazyLock::new(|| {
    script(
        "
local record, listing, ends, now, longest = ARGV[3], ARGV[4], ARGV[5], ARGV[9], ARGV[10]
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], 'record', record, 'listing', listing, 'ends', ends,
  'user', ARGV[6], 'sid', ARGV[7], 'sid_iss', ARGV[8])
redis.call('EXPIREAT', KEYS[1], ends)
for i, kind in ipairs(kinds) do note(kind, ARGV[5 + i], ends, now, longest) end
return 1
",
    )
});

/// prefix, key, record, user, sid, sid_iss, now, longest → whether the session was still there.
pub static UPDATE: LazyLock<Script> = LazyLock::new(|| {
    script(
        "
local record, now, longest = ARGV[3], ARGV[7], ARGV[8]
local found = live(now)
if not found then return 0 end
redis.call('HSET', KEYS[1], 'record', record, 'user', ARGV[4], 'sid', ARGV[5], 'sid_iss', ARGV[6])
-- The hashes change when SESSION_KEY does.
for i, kind in ipairs(kinds) do
  local before, after = found[1 + i], ARGV[3 + i]
  if before ~= after then
    if before and before ~= '' then redis.call('ZREM', prefix .. kind .. ':' .. before, key) end
    note(kind, after, found[1], now, longest)
  end
end
return 1
",
    )
});

/// prefix, key, listing, ends, now.
pub static TOUCH: LazyLock<Script> = LazyLock::new(|| {
    script(
        "
local listing, ends, now = ARGV[3], ARGV[4], ARGV[5]
local found = live(now)
if not found then return 0 end
redis.call('HSET', KEYS[1], 'listing', listing, 'ends', ends)
redis.call('EXPIREAT', KEYS[1], ends)
for i, kind in ipairs(kinds) do
  local hash = found[1 + i]
  if hash and hash ~= '' then redis.call('ZADD', prefix .. kind .. ':' .. hash, 'XX', ends, key) end
end
return 1
",
    )
});

/// prefix, key, channel, how it ended → whether there was one. Everybody is told.
pub static END: LazyLock<Script> = LazyLock::new(|| {
    script(
        "
local found = redis.call('HMGET', KEYS[1], 'user', 'sid', 'sid_iss')
if redis.call('DEL', KEYS[1]) == 0 then return 0 end
for i, kind in ipairs(kinds) do
  local hash = found[i]
  if hash and hash ~= '' then redis.call('ZREM', prefix .. kind .. ':' .. hash, key) end
end
redis.call('PUBLISH', ARGV[3], key .. ARGV[4])
return 1
",
    )
});

/// prefix → key, listing, ends of each session in a set.
pub static FOUND_BY: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "
local entries = {}
for _, key in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local found = redis.call('HMGET', ARGV[1] .. 'session:' .. key, 'listing', 'ends')
  -- One that has run out of time may still be in the set.
  if found[1] then table.insert(entries, {key, found[1], found[2] or ''}) end
end
return entries
",
    )
});

/// holder, milliseconds → whether it is still the holder's.
pub static EXTEND: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
",
    )
});

/// holder.
pub static UNLOCK: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
",
    )
});
