//! Every bound and interval of a gateway that is not part of the protocol, by name.

use std::time::Duration;

/// How often the shell sends [`Event::Tick`](crate::Event::Tick): the grain of every time-out.
pub const TICK_INTERVAL: Duration = Duration::from_millis(100);
/// A tick that comes so long after the one before: this process stood still.
pub const STALL: Duration = Duration::from_secs(1);
/// What a process that stood still takes to read what came meanwhile: until then it asks no zone to let anybody in, who may have gone.
pub const CATCH_UP: Duration = Duration::from_millis(300);
/// From `hello` to `welcome` at most; then 4103.
pub const ADMISSION_TIMEOUT: Duration = Duration::from_secs(10);
/// An unanswered attach request is repeated after this time.
pub const ATTACH_REPEAT: Duration = Duration::from_secs(1);
/// A player found between two places is looked for again after this time.
pub const RECORD_RETRY: Duration = Duration::from_millis(100);
/// Zones asked one after the other, each pointing to the next, before the record is read again.
pub const MAX_REDIRECTS: u32 = 4;
/// How often a zone to which another has pointed may know nothing of a session, before its resume is impossible.
pub const MAX_DOUBTS: u32 = 30;
/// A command without an ack is sent again after this time.
pub const COMMAND_REPEAT: Duration = Duration::from_secs(1);
/// Commands of one session that are given again at once; the next follow when these are acked. After an outage everybody's are due
/// together, and whoever hears them all must be able to keep up.
pub const RESENDS: usize = 2;
/// Commands a second of one client, in the long run; above it they are rejected with `too_many`.
pub const COMMANDS_PER_SECOND: u32 = 10;
/// Commands a client may send at once.
pub const COMMAND_BURST: u32 = 30;
/// Rejected commands that a client may run up (forgiven at one a second) before 4102.
pub const REJECTED_BURST: u32 = 50;
/// Moves a client may send at once after a stall: 1.5 s at the full rate.
pub const MOVE_BURST: u32 = 30;
/// Messages a second of one client, of any kind, before 4102.
pub const FRAMES_PER_SECOND: u32 = 500;
/// Messages a client may send at once.
pub const FRAME_BURST: u32 = 1000;
/// Wait that 4102 asks for, ms.
pub const RATE_RETRY_MS: u32 = 5_000;
/// Wait that 4103 asks for, ms.
pub const FULL_RETRY_MS: u32 = 5_000;
/// Bytes a congested client may be owed before 4101.
pub const SLOW_BYTES: usize = 256 * 1024;
/// Time a client may stay congested before 4101.
pub const SLOW_TIME: Duration = Duration::from_secs(10);
/// Names of unnumbered events kept for a congested client; of more the first name in order is dropped.
pub const LATEST_NAMES: usize = 32;
/// Between two requests for a resync of one zone, at least.
pub const RESYNC_INTERVAL: Duration = Duration::from_millis(250);
/// A zone with players that is silent for this long is taken for dead: its owner is looked up, its players see a pause.
pub const ZONE_SILENCE: Duration = Duration::from_secs(3);
/// Between two looks for a zone's owner, at least.
pub const LOOKUP_INTERVAL: Duration = Duration::from_millis(250);
/// For how long it is told of a zone that it was set back.
pub const SET_BACK_SHOWN: Duration = Duration::from_secs(600);
/// While a zone is silent, its owner is looked up and asked this often.
pub const SILENCE_REPEAT: Duration = Duration::from_secs(1);
/// Frames that come this long after a `paused` notice mean that its `resumed` was lost.
pub const PAUSE_DOUBT: Duration = Duration::from_secs(1);
/// A session whose commands a living zone does not ack for this long is attached anew.
pub const LOST_TRACK: Duration = Duration::from_secs(10);
/// A zone that was asked for a resync says within this time whom it has attached; whom it leaves out is attached anew.
pub const LOST_CONFIRMATION: Duration = Duration::from_secs(2);
/// While a player is on her way, the zone she goes to is asked this often whether she is there.
pub const TRANSIT_REPEAT: Duration = Duration::from_secs(1);
/// The same as `LOST_TRACK` for a player who is on her way to another zone.
pub const LOST_IN_TRANSIT: Duration = Duration::from_secs(20);
/// A player who has stood in another region for this long is told of a gateway there: who only looks in is not sent to and fro.
pub const SETTLED_ABROAD: Duration = Duration::from_secs(2);
/// How often the end of a connection is told to its zone, a second apart: nothing acknowledges it.
pub const DETACH_SENDS: u32 = 3;
/// Between two tellings.
pub const DETACH_REPEAT: Duration = Duration::from_secs(1);
/// How long an ended session is remembered, to repeat that when its zone still mentions it.
pub const DEPARTED_MEMORY: Duration = Duration::from_secs(60);
/// Longest `sub` of a ticket, bytes.
pub const SUB_BYTES: usize = 128;
/// Longest verb or dialogue option a client may name, bytes.
pub const ID_BYTES: usize = 256;
