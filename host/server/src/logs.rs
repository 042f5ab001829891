//! The last lines that zones' modules logged, for whoever asks: a ring for each zone, in memory. What is to be kept longer is in
//! this process's own log.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use wod_protocol::ids::{Generation, ZoneNo};
use wod_sim::io::Report;
use wod_sim::module::LogLevel;

/// Most lines kept of a zone, and most bytes of their texts; the oldest go first.
const LINES: usize = 1000;
const BYTES: usize = 256 * 1024;
/// Most lines in one answer.
const ANSWERED: usize = 500;
/// Longest that an answer is waited for.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(25);

/// A line that a zone's module logged, or that the host says of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct LogLine {
    /// Counts a ring's lines, from 1.
    pub(crate) number: u64,
    /// When it was durable, milliseconds since 1970.
    pub(crate) time_ms: u64,
    pub(crate) level: Level,
    /// Name and version of the module.
    pub(crate) version: String,
    pub(crate) generation: Generation,
    pub(crate) message: String,
    /// In the author's order.
    pub(crate) fields: Vec<(String, String)>,
}

/// How loud a line is; the loudest is the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    Error,
    Warn,
    Info,
    Debug,
}

/// What is asked for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Query {
    /// Lines after this one. None: all that are kept.
    pub(crate) after: Option<Cursor>,
    /// Lines at least as loud. None: all.
    pub(crate) level: Option<Level>,
    /// Lines at least as young, milliseconds since 1970.
    pub(crate) since_ms: u64,
    /// Only the last so many of what is kept. None: all.
    pub(crate) last: Option<usize>,
    /// How long to wait for a line where there is none, ms; at most [`LONGEST_WAIT`].
    pub(crate) wait_ms: u64,
}

/// A place in a host's ring. Another host, and the same one started anew, has another ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cursor {
    pub(crate) ring: u64,
    pub(crate) number: u64,
}

/// What is answered.
#[derive(Debug, Serialize)]
pub(crate) struct Excerpt {
    /// To be asked for next.
    pub(crate) after: Cursor,
    /// The cursor that was asked for is of another ring: the zone has moved, or its host was started anew.
    pub(crate) elsewhere: bool,
    /// Lines after the cursor that are not kept any more.
    pub(crate) lost: u64,
    pub(crate) lines: Vec<LogLine>,
}

/// The rings of all zones.
pub(crate) struct ZoneLogs {
    /// Of this life of this host.
    ring: u64,
    zones: Mutex<BTreeMap<ZoneNo, Arc<Ring>>>,
}

struct Ring {
    kept: Mutex<Kept>,
    /// The last line's number.
    newest: watch::Sender<u64>,
}

#[derive(Default)]
struct Kept {
    lines: VecDeque<LogLine>,
    bytes: usize,
    /// Of the last line there was.
    number: u64,
}

impl ZoneLogs {
    /// `ring`: differs from that of every other host and every other life of this one.
    pub(crate) fn new(ring: u64) -> Self {
        Self { ring, zones: Mutex::default() }
    }

    /// Keeps what a report says, if it is one to read. `version`: of the module that made it.
    pub(crate) fn add(&self, zone: ZoneNo, time_ms: u64, version: &str, generation: Generation, report: &Report) {
        let Some((level, message, fields)) = said(report) else { return };
        let ring = self.ring_of(zone);
        let number = {
            let mut kept = ring.kept.lock();
            kept.number += 1;
            let number = kept.number;
            let line = LogLine { number, time_ms, level, version: version.to_owned(), generation, message, fields };
            kept.push(line);
            number
        };
        ring.newest.send_replace(number);
    }

    /// Answers at once when there are lines, else when there are, or with none when the wait is over.
    pub(crate) async fn read(&self, zone: ZoneNo, query: &Query) -> Excerpt {
        let ring = self.ring_of(zone);
        let wait = Duration::from_millis(query.wait_ms).min(LONGEST_WAIT);
        let mut newest_rx = ring.newest.subscribe();
        let deadline = tokio::time::Instant::now() + wait;
        let mut query = query.clone();
        let mut lost = 0;
        loop {
            let mut excerpt = ring.kept.lock().read(self.ring, &query);
            excerpt.lost += lost;
            let over = tokio::time::timeout_at(deadline, newest_rx.changed());
            // What is waited for is a line that was asked for: another is passed over.
            if !excerpt.lines.is_empty() || excerpt.elsewhere || !matches!(over.await, Ok(Ok(()))) {
                return excerpt;
            }
            lost = excerpt.lost;
            query.after = Some(excerpt.after);
        }
    }

    fn ring_of(&self, zone: ZoneNo) -> Arc<Ring> {
        let fresh = || Arc::new(Ring { kept: Mutex::default(), newest: watch::Sender::new(0) });
        self.zones.lock().entry(zone).or_insert_with(fresh).clone()
    }
}

impl Kept {
    fn push(&mut self, line: LogLine) {
        self.bytes += line.bytes();
        self.lines.push_back(line);
        while self.lines.len() > LINES || self.bytes > BYTES {
            let Some(oldest) = self.lines.pop_front() else { return };
            self.bytes -= oldest.bytes();
        }
    }

    fn read(&self, ring: u64, query: &Query) -> Excerpt {
        let elsewhere = query.after.is_some_and(|after| after.ring != ring);
        let after = query.after.filter(|after| after.ring == ring).map(|after| after.number);
        let first = self.lines.front().map_or(self.number + 1, |line| line.number);
        let lost = after.map_or(0, |after| (first - 1).saturating_sub(after));
        let loud = |line: &&LogLine| query.level.is_none_or(|level| line.level <= level);
        let lines = self.lines.iter().filter(|line| after.is_none_or(|after| line.number > after));
        let asked: Vec<&LogLine> = lines.filter(loud).filter(|line| line.time_ms >= query.since_ms).collect();
        let from = query.last.map_or(0, |last| asked.len().saturating_sub(last));
        let lines: Vec<LogLine> = asked[from..].iter().copied().take(ANSWERED).cloned().collect();
        let whole = asked.len() - from <= ANSWERED;
        let number = lines.last().filter(|_| !whole).map_or(self.number, |line| line.number);
        Excerpt { after: Cursor { ring, number }, elsewhere, lost, lines }
    }
}

impl LogLine {
    fn bytes(&self) -> usize {
        let fields: usize = self.fields.iter().map(|(name, value)| name.len() + value.len()).sum();
        size_of::<Self>() + self.message.len() + self.version.len() + fields
    }
}

/// Now, as lines are stamped.
pub(crate) fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// A line's level, text and fields.
type Said = (Level, String, Vec<(String, String)>);

/// What a report says to those who read; none: it is a figure.
fn said(report: &Report) -> Option<Said> {
    let level = |level: &LogLevel| match level {
        LogLevel::Error => Level::Error,
        LogLevel::Warn => Level::Warn,
        LogLevel::Info => Level::Info,
        LogLevel::Debug => Level::Debug,
    };
    match report {
        Report::Log(loud, message, fields) => Some((level(loud), message.clone(), fields.clone())),
        Report::LogDropped(count) => {
            Some((Level::Warn, format!("{count} log lines over the limit were dropped"), vec![]))
        }
        Report::Fault(fault, event) => {
            let event = event.as_ref().map(|event| ("event".to_owned(), shortened(format!("{event:?}"))));
            Some((Level::Error, format!("the module failed: {fault}"), event.into_iter().collect()))
        }
        Report::Blocked { player, verb } => {
            let message = format!("verb `{verb}` of player {player} is blocked: the module fails at it");
            Some((Level::Error, message, vec![]))
        }
        Report::Count(..) | Report::Gauge(..) | Report::Observe(..) => None,
    }
}

/// An event may hold a long text.
fn shortened(mut text: String) -> String {
    const BYTES: usize = 512;
    text.truncate(text.floor_char_boundary(BYTES));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZONE: ZoneNo = ZoneNo(7);

    fn log(logs: &ZoneLogs, time_ms: u64, level: LogLevel, text: &str) {
        let report = Report::Log(level, text.to_owned(), vec![("who".to_owned(), "Ann".to_owned())]);
        logs.add(ZONE, time_ms, "docks 1.2.0", Generation(3), &report);
    }

    fn texts(excerpt: &Excerpt) -> Vec<&str> {
        excerpt.lines.iter().map(|line| line.message.as_str()).collect()
    }

    #[tokio::test]
    async fn lines_are_chosen_by_loudness_age_and_place() {
        let logs = ZoneLogs::new(1);
        log(&logs, 10, LogLevel::Info, "one");
        log(&logs, 20, LogLevel::Debug, "two");
        log(&logs, 30, LogLevel::Error, "three");
        logs.add(ZONE, 40, "docks 1.2.0", Generation(3), &Report::Count("figures".to_owned(), 1));
        let all = logs.read(ZONE, &Query::default()).await;
        assert_eq!(texts(&all), ["one", "two", "three"]);
        assert_eq!((all.lines[0].version.as_str(), all.lines[0].fields[0].1.as_str()), ("docks 1.2.0", "Ann"));
        let read = async |query: Query| {
            let excerpt = logs.read(ZONE, &query).await;
            texts(&excerpt).into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(read(Query { level: Some(Level::Info), ..Query::default() }).await, ["one", "three"]);
        assert_eq!(read(Query { since_ms: 20, ..Query::default() }).await, ["two", "three"]);
        assert_eq!(read(Query { last: Some(1), ..Query::default() }).await, ["three"]);
        let after = Some(Cursor { ring: 1, number: 1 });
        assert_eq!(read(Query { after, ..Query::default() }).await, ["two", "three"]);
        assert!(logs.read(ZoneNo(8), &Query::default()).await.lines.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_follower_is_told_the_next_line_it_has_asked_for() {
        let logs = Arc::new(ZoneLogs::new(1));
        log(&logs, 10, LogLevel::Error, "before");
        let after = Some(logs.read(ZONE, &Query::default()).await.after);
        let query = Query { after, level: Some(Level::Error), wait_ms: 10_000, ..Query::default() };
        let following = tokio::spawn({
            let (logs, query) = (logs.clone(), query.clone());
            async move { logs.read(ZONE, &query).await }
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
        log(&logs, 20, LogLevel::Debug, "not asked for");
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!following.is_finished());
        log(&logs, 30, LogLevel::Error, "asked for");
        let excerpt = following.await.expect("it does not panic");
        assert_eq!(texts(&excerpt), ["asked for"]);
        // Nothing comes: the wait has an end, whatever was asked.
        let begun = tokio::time::Instant::now();
        let query = Query { after: Some(excerpt.after), wait_ms: u64::MAX, ..query };
        assert!(logs.read(ZONE, &query).await.lines.is_empty());
        assert_eq!(begun.elapsed().as_secs(), LONGEST_WAIT.as_secs());
    }

    #[tokio::test]
    async fn a_ring_is_bounded_and_says_what_it_has_lost() {
        let logs = ZoneLogs::new(1);
        log(&logs, 1, LogLevel::Info, "first");
        let after = logs.read(ZONE, &Query::default()).await.after;
        for number in 0..LINES + 10 {
            log(&logs, 2, LogLevel::Info, &number.to_string());
        }
        let excerpt = logs.read(ZONE, &Query { after: Some(after), ..Query::default() }).await;
        assert_eq!((excerpt.lost, excerpt.lines.len()), (10, ANSWERED));
        assert_eq!(excerpt.lines[0].message, "10");
        let rest = logs.read(ZONE, &Query { after: Some(excerpt.after), ..Query::default() }).await;
        assert_eq!((rest.lost, rest.lines.len(), rest.lines[0].message.as_str()), (0, ANSWERED, "510"));
        log(&logs, 3, LogLevel::Info, &"x".repeat(BYTES));
        assert!(logs.read(ZONE, &Query::default()).await.lines.is_empty(), "a line that is too long alone is not kept");
    }

    #[tokio::test]
    async fn a_cursor_of_another_host_begins_anew_and_says_so() {
        let logs = ZoneLogs::new(1);
        log(&logs, 1, LogLevel::Info, "here");
        let query = Query { after: Some(Cursor { ring: 2, number: 900 }), ..Query::default() };
        let excerpt = logs.read(ZONE, &query).await;
        assert!(excerpt.elsewhere);
        assert_eq!((texts(&excerpt), excerpt.after), (vec!["here"], Cursor { ring: 1, number: 1 }));
    }
}
