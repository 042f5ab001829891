#!lua name=wod_@version@

-- Every write that must compare before it changes: leases, journals, snapshot pointers, records, names, heartbeats.
-- A function runs alone and its effects reach the append-only file and the replicas together or not at all.
--
-- Keys of a zone share its hash slot: {prefix:z:N} is the zone's hash, with these fields:
--   host, epoch, token, expires   the lease; host is empty once released; expires by the server's clock, ms
--   history                       of the server when the epoch was last given
--   last                          index of the journal's last entry, kept when the journal is trimmed
--   newest, older                 snapshots: 'index upload chunks digest'
-- {prefix:z:N}:journal is a stream with an entry index-0 each: e (epoch), b (bytes).
-- {prefix:z:N}:snapshot:UPLOAD is a hash of chunks by number; it expires until a pointer names it.
--
-- Numbers stay below 2^53, where Lua's are exact; whole() keeps them from being written as 1e+15.
-- A reply is a list that begins with a word saying what happened.

local function whole(number)
  return string.format('%.0f', number)
end

local function micros()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

local function millis()
  return math.floor(micros() / 1000)
end

-- ---- leases

-- The first arguments of every function that needs the lease: host, epoch, token, ttl (ms). Renews it on the way.
local function holds(zone, args)
  local lease = redis.call('HMGET', zone, 'host', 'epoch', 'token')
  if lease[1] ~= args[1] or lease[2] ~= args[2] or lease[3] ~= args[3] then
    return false
  end
  redis.call('HSET', zone, 'expires', whole(millis() + args[4]))
  return true
end

-- Another one after a restart of the server, and after a replica has become the primary: this data may then lack the last
-- that was written to its predecessor.
local function history()
  local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
  return run .. string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
end

-- Epochs of a zone that a predecessor of this server may have given out and we don't know of: far fewer than these. The first
-- that is given in a new history goes past them, and up to the clock: that one may be lost as well, and the next must not be
-- the same again.
local EPOCHS_LOST_AT_MOST = 1000

-- The next epoch of a zone, beyond the stored one and the highest that whoever asks has seen.
local function next_epoch(zone, stored, seen)
  local present = history()
  if redis.call('HGET', zone, 'history') ~= present then
    stored = math.max(stored + EPOCHS_LOST_AT_MOST, millis())
    redis.call('HSET', zone, 'history', present)
  end
  return math.max(stored, seen) + 1
end

-- zone; host, least epoch, token, ttl, hold-off (ms for which only the last owner may claim)
local function claim(keys, args)
  local zone, host = keys[1], args[1]
  local lease = redis.call('HMGET', zone, 'host', 'epoch', 'expires')
  local now = millis()
  local remaining = math.max((tonumber(lease[3]) or 0) - now, tonumber(args[5]))
  if lease[1] and lease[1] ~= '' and lease[1] ~= host and remaining > 0 then
    return {'held', lease[1], tonumber(lease[2]), remaining}
  end
  local epoch = next_epoch(zone, tonumber(lease[2]) or 0, tonumber(args[2]))
  redis.call('HSET', zone, 'host', host, 'epoch', whole(epoch), 'token', args[3], 'expires', whole(now + args[4]))
  return {'won', epoch}
end

-- zone
local function owner(keys)
  local lease = redis.call('HMGET', keys[1], 'host', 'epoch', 'expires')
  if not lease[1] or lease[1] == '' or tonumber(lease[3]) <= millis() then
    return {'nobody'}
  end
  return {'ok', lease[1], tonumber(lease[2])}
end

-- zone; lease
local function renew(keys, args)
  return {holds(keys[1], args) and 'ok' or 'fenced'}
end

-- zone; lease. An epoch above the stored one was given by a predecessor of this server, and we have lost that. The zone's
-- history stays as it was: still higher epochs may have been lost, which the next one given must go past.
local function reassert(keys, args)
  if holds(keys[1], args) then
    return {'ok'}
  end
  local stored = tonumber(redis.call('HGET', keys[1], 'epoch') or 0)
  if stored >= tonumber(args[2]) then
    return {'fenced'}
  end
  redis.call('HSET', keys[1], 'host', args[1], 'epoch', args[2], 'token', args[3], 'expires', whole(millis() + args[4]))
  return {'ok'}
end

-- zone; lease. Epoch and token stay, so that a repeat is known and no epoch comes twice.
local function release(keys, args)
  local lease = redis.call('HMGET', keys[1], 'host', 'epoch', 'token')
  if (lease[1] ~= args[1] and lease[1] ~= '') or lease[2] ~= args[2] or lease[3] ~= args[3] then
    return {'fenced'}
  end
  redis.call('HSET', keys[1], 'host', '', 'expires', '0')
  return {'ok'}
end

-- zone; lease, host and token of the new one, least epoch. The token says that a repeat is one.
local function transfer(keys, args)
  local zone, host, token = keys[1], args[5], args[6]
  local held = redis.call('HMGET', zone, 'host', 'epoch', 'token')
  if held[1] == host and held[3] == token then
    redis.call('HSET', zone, 'expires', whole(millis() + args[4]))
    return {'ok', tonumber(held[2])}
  end
  if not holds(zone, args) then
    return {'fenced'}
  end
  local epoch = next_epoch(zone, tonumber(args[2]), tonumber(args[7]))
  redis.call('HSET', zone, 'host', host, 'epoch', whole(epoch), 'token', token)
  return {'ok', epoch}
end

-- ---- journal

-- zone, journal; lease, first index, entries...
local function append(keys, args)
  local zone, journal = keys[1], keys[2]
  if not holds(zone, args) then
    return {'fenced'}
  end
  local epoch, first, entries = args[2], tonumber(args[5]), #args - 5
  local last = tonumber(redis.call('HGET', zone, 'last') or 0)
  local repeats = math.min(last - first + 1, entries)
  if repeats < 0 then
    return {'not_next', last + 1}
  end
  if repeats > 0 then
    local stored = redis.call('XRANGE', journal, whole(first) .. '-0', whole(first + repeats - 1) .. '-0')
    if #stored ~= repeats then
      return {'not_next', last + 1}
    end
    for i = 1, repeats do
      local fields = stored[i][2]
      if fields[2] ~= epoch then
        return {'diverged', first + i - 1}
      end
      if fields[4] ~= args[5 + i] then
        return {'not_next', last + 1}
      end
    end
  end
  for i = repeats + 1, entries do
    redis.call('XADD', journal, whole(first + i - 1) .. '-0', 'e', epoch, 'b', args[5 + i])
  end
  if entries > repeats then
    redis.call('HSET', zone, 'last', whole(first + entries - 1))
  end
  return {'ok'}
end

-- zone, journal; from, most bytes. One entry at least, if there is one. Reads in pages to stay within the bytes.
local function read(keys, args)
  local from, most = tonumber(args[1]), tonumber(args[2])
  local last = tonumber(redis.call('HGET', keys[1], 'last') or 0)
  local found, bytes, next_id = {}, 0, whole(from) .. '-0'
  while true do
    local page = redis.call('XRANGE', keys[2], next_id, '+', 'COUNT', 16)
    for _, row in ipairs(page) do
      bytes = bytes + #row[2][4]
      if bytes > most and #found > 0 then
        return {'ok', last, found}
      end
      found[#found + 1] = {row[1], row[2][4]}
    end
    if #page < 16 then
      return {'ok', last, found}
    end
    next_id = '(' .. page[#page][1]
  end
end

local function index_of(pointer)
  return tonumber(string.match(pointer, '^%d+'))
end

-- zone, journal; lease, before
local function trim(keys, args)
  local zone = keys[1]
  if not holds(zone, args) then
    return {'fenced'}
  end
  local kept = redis.call('HMGET', zone, 'older', 'newest')
  local oldest = kept[1] or kept[2]
  if oldest then
    local before = math.min(tonumber(args[5]), index_of(oldest) + 1)
    redis.call('XTRIM', keys[2], 'MINID', '=', whole(before) .. '-0')
  end
  return {'ok'}
end

-- ---- snapshots

-- upload; number, chunk, seconds that it is kept without a pointer
local function upload(keys, args)
  redis.call('HSET', keys[1], args[1], args[2])
  redis.call('EXPIRE', keys[1], args[3])
  return {'ok'}
end

-- zone, upload; lease, index, upload's name, chunks, digest. Older uploads' keys are made from this one's: same slot.
local function point(keys, args)
  local zone, upload = keys[1], keys[2]
  if not holds(zone, args) then
    return {'fenced'}
  end
  local at, name, chunks, digest = tonumber(args[5]), args[6], tonumber(args[7]), args[8]
  local state = redis.call('HMGET', zone, 'last', 'newest', 'older')
  local last, newest, older = tonumber(state[1] or 0), state[2], state[3]
  local pointer = whole(at) .. ' ' .. name .. ' ' .. whole(chunks) .. ' ' .. digest
  if newest == pointer then
    return {'ok'}
  end
  local newest_at = newest and index_of(newest) or 0
  if at < newest_at or at > last then
    return {'out_of_order', newest_at, last}
  end
  if redis.call('HLEN', upload) ~= chunks then
    return {'torn'}
  end
  redis.call('PERSIST', upload)
  local surplus = older
  if newest and newest_at == at then
    surplus = newest
  elseif newest then
    redis.call('HSET', zone, 'older', newest)
  end
  redis.call('HSET', zone, 'newest', pointer)
  if surplus then
    redis.call('UNLINK', zone .. ':snapshot:' .. string.match(surplus, '^%d+ (%d+)'))
  end
  return {'ok'}
end

-- ---- records and names

-- record (v version, p the one before, b bytes); expected version, bytes. Versions follow the clock, so that none comes
-- back after a delete.
local function put_record(keys, args)
  local stored = redis.call('HMGET', keys[1], 'v', 'p', 'b')
  local version = stored[1] or '0'
  if version ~= args[1] then
    if stored[2] == args[1] and stored[3] == args[2] then
      return {'ok', tonumber(version)}
    end
    return {'conflict', tonumber(version)}
  end
  local next_version = math.max(tonumber(version) + 1, micros())
  redis.call('HSET', keys[1], 'v', whole(next_version), 'p', version, 'b', args[2])
  return {'ok', next_version}
end

-- record; expected version
local function delete_record(keys, args)
  local version = redis.call('HGET', keys[1], 'v')
  if version and version ~= args[1] then
    return {'conflict', tonumber(version)}
  end
  redis.call('UNLINK', keys[1])
  return {'ok'}
end

-- name; sub
local function release_name(keys, args)
  if redis.call('GET', keys[1]) == args[1] then
    redis.call('UNLINK', keys[1])
  end
  return {'ok'}
end

-- ---- values

-- values; names: the same names, sorted, all with score 0; key, bytes
local function put_value(keys, args)
  redis.call('HSET', keys[1], args[1], args[2])
  redis.call('ZADD', keys[2], 0, args[1])
  return {'ok'}
end

-- values, names; key, bytes[, expected bytes]
local function replace_value(keys, args)
  local stored = redis.call('HGET', keys[1], args[1]) or nil
  if stored ~= args[3] and stored ~= args[2] then
    return {'changed', stored}
  end
  return put_value(keys, args)
end

-- values, names; key
local function delete_value(keys, args)
  redis.call('HDEL', keys[1], args[1])
  redis.call('ZREM', keys[2], args[1])
  return {'ok'}
end

-- values, names; prefix. No name contains the byte 255: names are UTF-8.
local function values(keys, args)
  if redis.call('ZCARD', keys[2]) ~= redis.call('HLEN', keys[1]) then
    return {'unindexed'}
  end
  local found = {}
  for _, name in ipairs(redis.call('ZRANGEBYLEX', keys[2], '[' .. args[1], '(' .. args[1] .. '\255')) do
    found[#found + 1] = {name, redis.call('HGET', keys[1], name)}
  end
  return {'ok', found}
end

-- values, names. A program from before there was an index has written here.
local function index_values(keys)
  redis.call('DEL', keys[2])
  for _, name in ipairs(redis.call('HKEYS', keys[1])) do
    redis.call('ZADD', keys[2], 0, name)
  end
  return {'ok'}
end

-- ---- heartbeats

-- expiries, bodies; id, body, ttl (ms)
local function beat(keys, args)
  local now = millis()
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', keys[1], '-inf', whole(now))) do
    redis.call('ZREM', keys[1], id)
    redis.call('HDEL', keys[2], id)
  end
  redis.call('ZADD', keys[1], whole(now + args[3]), args[1])
  redis.call('HSET', keys[2], args[1], args[2])
  return {'ok'}
end

-- expiries, bodies
local function beats(keys, args)
  local found = {}
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', keys[1], '(' .. whole(millis()), '+inf')) do
    found[#found + 1] = {id, redis.call('HGET', keys[2], id)}
  end
  return {'ok', found}
end

-- expiries, bodies; id
local function end_beat(keys, args)
  redis.call('ZREM', keys[1], args[1])
  redis.call('HDEL', keys[2], args[1])
  return {'ok'}
end

-- ---- registration, one line each: there is no pairs() while a library is loaded

redis.register_function('wod_@version@_claim', claim)
redis.register_function('wod_@version@_renew', renew)
redis.register_function('wod_@version@_reassert', reassert)
redis.register_function('wod_@version@_release', release)
redis.register_function('wod_@version@_transfer', transfer)
redis.register_function('wod_@version@_append', append)
redis.register_function('wod_@version@_trim', trim)
redis.register_function('wod_@version@_upload', upload)
redis.register_function('wod_@version@_point', point)
redis.register_function('wod_@version@_put_record', put_record)
redis.register_function('wod_@version@_delete_record', delete_record)
redis.register_function('wod_@version@_release_name', release_name)
redis.register_function('wod_@version@_put_value', put_value)
redis.register_function('wod_@version@_replace_value', replace_value)
redis.register_function('wod_@version@_delete_value', delete_value)
redis.register_function('wod_@version@_index_values', index_values)
redis.register_function('wod_@version@_beat', beat)
redis.register_function('wod_@version@_end_beat', end_beat)
redis.register_function{function_name = 'wod_@version@_owner', callback = owner, flags = {'no-writes'}}
redis.register_function{function_name = 'wod_@version@_read', callback = read, flags = {'no-writes'}}
redis.register_function{function_name = 'wod_@version@_beats', callback = beats, flags = {'no-writes'}}
redis.register_function{function_name = 'wod_@version@_values', callback = values, flags = {'no-writes'}}
