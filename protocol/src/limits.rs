//! Every bound that both sides of a wire must agree on, by name.

use std::time::Duration;

/// Largest frame a client may send, bytes. A larger one closes the connection with 1009.
pub const CLIENT_FRAME_BYTES: usize = 16 * 1024;
/// Deepest nesting of arrays and maps that any decoder of ours accepts.
pub const DECODE_DEPTH: usize = 32;
/// Longest chat line, Unicode scalar values.
pub const CHAT_CHARS: usize = 500;
/// Most lines of chat that a player's history keeps.
pub const HISTORY_LINES: usize = 32;
/// Most bytes of names and texts that it keeps; the oldest lines go first.
pub const HISTORY_BYTES: usize = 8 * 1024;
/// Most players that one may ignore.
pub const IGNORED: usize = 100;
/// Length of a player's name, Unicode scalar values.
pub const NAME_CHARS: std::ops::RangeInclusive<usize> = 2..=24;
/// Largest encoded `args` of an `interact`, bytes.
pub const ARGS_BYTES: usize = 1024;
/// A connection must say `hello` within this time.
pub const HELLO_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection silent for this long is closed.
pub const SILENCE_TIMEOUT: Duration = Duration::from_secs(30);
/// Moves a second before a client's moves are coalesced.
pub const MOVES_PER_SECOND: u32 = 20;
/// Reliable messages to one player that may wait for the client's ack, before the client is too slow (4101).
pub const UNACKED_MESSAGES: usize = 256;
/// The same in bytes of encoded bodies.
pub const UNACKED_BYTES: usize = 64 * 1024;
/// How long an avatar stays in the world after its connection was lost.
pub const LINK_DEATH_GRACE: Duration = Duration::from_secs(30);
/// One envelope leaves for a process after this time at the latest.
pub const FLUSH_INTERVAL: Duration = Duration::from_millis(10);
/// One envelope leaves for a process when this many bytes are ready.
pub const FLUSH_BYTES: usize = 64 * 1024;
/// Commands a gateway keeps for one session until the zone acked them; more is `too_many`.
pub const PENDING_COMMANDS: usize = 64;
/// A zone sends a frame at least this often to every gateway with players in it, so that silence is noticed.
pub const FRAME_HEARTBEAT: Duration = Duration::from_secs(1);
/// Ticks of effects that may wait for the journal before the zone pauses.
pub const TICKS_AWAITING_JOURNAL: usize = 20;
/// Time to live of a zone's lease.
pub const LEASE_TTL: Duration = Duration::from_secs(3);
/// Largest chunk of a stored snapshot, bytes.
pub const SNAPSHOT_CHUNK_BYTES: usize = 256 * 1024;
/// Most entities in one roster; beyond it the nearest win.
pub const ROSTER_CAP: usize = 128;
/// Largest module file, bytes.
pub const MODULE_BYTES: usize = 32 * 1024 * 1024;
