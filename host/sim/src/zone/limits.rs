//! Every bound on what a module, its players and operators may ask of a zone.

// What a module may put into the world.

/// Most entities of a zone, players included.
pub(super) const ENTITIES: usize = 10_000;
/// Longest name of an entity, tag, topic, event or figure, bytes.
pub(super) const NAME_BYTES: usize = 64;
/// Most tags of an entity.
pub(super) const TAGS: usize = 32;
/// Longest text of a tag, bytes.
pub(super) const TAG_BYTES: usize = 256;
/// Most verbs of an entity.
pub(super) const VERBS: usize = 16;
/// Longest reach of a verb, metres.
pub(super) const REACH_METRES: f32 = 100.0;
/// Longest sensor, metres.
pub(super) const SENSOR_METRES: f32 = 100.0;
/// Fastest walk, metres a second.
pub(super) const SPEED_METRES: f32 = 50.0;
/// Furthest that an event is told around a point, metres.
pub(super) const HEARING_METRES: f32 = 500.0;
/// Longest text of a dialogue, Unicode scalar values.
pub(super) const DIALOGUE_CHARS: usize = 2000;
/// Most options of a dialogue.
pub(super) const CHOICES: usize = 16;
/// Longest reason of a kick, Unicode scalar values.
pub(super) const REASON_CHARS: usize = 200;
/// Longest code of a refusal, bytes.
pub(super) const CODE_BYTES: usize = 64;
/// Largest data of an event, or answer to an operator, bytes.
pub(super) const DATA_BYTES: usize = 8 * 1024;
/// Deepest nesting of an event's data: it travels inside a message of its own.
pub(super) const DATA_DEPTH: usize = 16;
/// Largest message to another module, bytes.
pub(super) const BODY_BYTES: usize = 16 * 1024;
/// Most bytes a module keeps with a player.
pub(super) const SAVED_BYTES: usize = 64 * 1024;
/// Longest log line, and longest field of it, bytes.
pub(super) const LOG_BYTES: usize = 1024;
/// Most fields of a log line.
pub(super) const FIELDS: usize = 16;
/// Most figures (counts, gauges, observations) of one call; more are left out.
pub(super) const FIGURES: usize = 256;

// Of one call.

/// Most timers of a module.
pub(super) const TIMERS: usize = 10_000;
/// Most rows of a query.
pub(super) const ROWS: usize = 256;

// Of players.

/// Most dialogues a player has open; the one of the lowest token is closed for another.
pub(super) const OPEN_DIALOGUES: usize = 16;

/// Longest mute by an operator, milliseconds of game time: a year.
pub(super) const MUTE_MS: u64 = 366 * 24 * 60 * 60 * 1000;

// Of what players say.

/// Most lines of a tick that a module judges, where it does; more are refused.
pub(super) const JUDGED_LINES: usize = 1024;
/// Most bytes of all of them together: they, and as much again in their place, cross the border to the module in one call.
pub(super) const JUDGED_BYTES: usize = 256 * 1024;

/// What a line costs a speaker, milliseconds of game time: ten a second in the long run, as a gateway has it for a connection. The
/// zone counts for the player, however often she connects anew.
pub(super) const SPEECH_MS: u64 = 100;
/// Lines that she may say at once: what a gateway and a client may hold back for a zone that stood still, and more.
pub(super) const SPEECH_BURST: u64 = 150;

// Of events.

/// Most events in one call; the rest waits for the next tick.
pub(super) const EVENTS_PER_CALL: usize = 4096;
/// Most events that wait for a module, missing or slow. Beyond it what can be done without (heard, sensed, observed) is left
/// out, beyond twice as many everything.
pub(super) const EVENTS_KEPT: usize = 8192;

// Of operators.

/// Seconds within which a module must answer an operator.
pub(super) const ANSWER_SECONDS: u64 = 5;
/// Most unanswered questions of operators.
pub(super) const OPEN_ASKS: usize = 256;
/// Most settings kept for a zone.
pub(super) const SETTINGS: usize = 256;

// Of neighbouring zones.

/// Most own entities shown to a neighbour, the nearest to it.
pub(super) const GHOSTS_SHOWN: usize = 512;
/// Most ghosts of all neighbours together; more are not taken in.
pub(super) const GHOSTS: usize = 4096;

// Of what goes by itself.

/// Most timers that ring in one tick; the rest rings in the next.
pub(super) const RINGS_PER_TICK: usize = 4096;

// Of faults.

/// A player's verb is blocked when it has brought the module down this often.
pub(super) const FAULTS_TO_BLOCK: u8 = 2;
/// Most verbs whose faults are remembered; beyond it the first (by player) are forgotten.
pub(super) const REMEMBERED_FAULTS: usize = 1024;
