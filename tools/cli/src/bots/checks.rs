//! The promises of the protocol that one client can check by itself, and what it says when one is broken.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};
use wod_protocol::client::ClientMsg;
use wod_protocol::ids::{EntityId, MsgNo, Seq};

/// Which promise was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FaultKind {
    /// A reliable message is missing: `n` jumped.
    Gap,
    /// The same line came again under another `n`.
    Doubled,
    /// A sender's lines came in another order.
    Reordered,
    /// `ack` or `welcome.seq` went back, or is about a command that was never sent.
    BadAck,
    /// A command was not acked by the end.
    Unacked,
    /// An own line that took effect was neither seen nor rejected by the end.
    LineLost,
    /// An own verb or answer was acked, and neither did the zone say that it took effect nor was it rejected.
    EffectLost,
    /// An own verb or answer took effect twice.
    EffectTwice,
    /// An update about somebody who is not in the roster.
    Stranger,
    /// A frame that breaks the protocol.
    Malformed,
    /// A session that the server should have kept could not be resumed, or came back changed.
    SessionLost,
    /// The connection ended and should not have.
    Disconnected,
    /// A bot that never got in, or could not come back by the end.
    Absent,
}

/// A broken promise.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Fault {
    pub(super) kind: FaultKind,
    /// Whose.
    pub(super) bot: String,
    /// Milliseconds since the run began.
    pub(super) at_ms: u64,
    pub(super) detail: String,
}

/// What a check found.
pub(super) type Found = (FaultKind, String);

/// Reliable messages: `n` from 1 without gaps. One with a known `n` is a repeat, which the protocol allows.
#[derive(Debug, Default)]
pub(super) struct Reliable {
    last: MsgNo,
    acked: MsgNo,
    pub(super) repeats: u64,
}

impl Reliable {
    /// Whether the message is new; a gap is a fault, after which counting goes on from the new number.
    pub(super) fn receive(&mut self, n: MsgNo) -> Result<bool, Found> {
        if n <= self.last {
            self.repeats += 1;
            return Ok(false);
        }
        let expected = self.last.next();
        self.last = n;
        if n == expected { Ok(true) } else { Err((FaultKind::Gap, format!("n {n} came where {expected} was due"))) }
    }

    pub(super) fn last(&self) -> MsgNo {
        self.last
    }

    /// What to ack now, if anything.
    pub(super) fn next_ack(&mut self) -> Option<MsgNo> {
        (self.last > self.acked).then(|| {
            self.acked = self.last;
            self.last
        })
    }

    /// Messages that came since the last ack.
    pub(super) fn unacked(&self) -> u64 {
        self.last.0 - self.acked.0
    }

    /// A new session counts from 1 again.
    pub(super) fn start_again(&mut self) {
        *self = Self { repeats: self.repeats, ..Self::default() };
    }

    /// The connection is new: the server may not have our last ack.
    pub(super) fn reconnected(&mut self) {
        self.acked = MsgNo(0);
    }
}

/// Own commands: kept until acked, sent again after a resume.
#[derive(Debug, Default)]
pub(super) struct Commands {
    sent: Seq,
    acked: Seq,
    pending: VecDeque<(Seq, ClientMsg)>,
}

impl Commands {
    /// The number of the next command.
    pub(super) fn number(&mut self) -> Seq {
        self.sent = self.sent.next();
        self.sent
    }

    pub(super) fn keep(&mut self, seq: Seq, message: ClientMsg) {
        self.pending.push_back((seq, message));
    }

    /// Commands that wait for their ack.
    pub(super) fn pending(&self) -> usize {
        self.pending.len()
    }

    pub(super) fn ack(&mut self, seq: Seq) -> Result<(), Found> {
        let bad = |text: String| Err((FaultKind::BadAck, text));
        if seq > self.sent {
            return bad(format!("seq {seq} was acked, but {} is the last that was sent", self.sent));
        }
        if seq < self.acked {
            return bad(format!("seq {seq} was acked after {}", self.acked));
        }
        self.acked = seq;
        while self.pending.front().is_some_and(|(pending, _)| *pending <= seq) {
            self.pending.pop_front();
        }
        Ok(())
    }

    /// Everything to send again.
    pub(super) fn again(&self) -> impl Iterator<Item = &ClientMsg> {
        self.pending.iter().map(|(_, message)| message)
    }
}

/// Lines of chat, which bots number: each is heard at most once, and in its speaker's order.
#[derive(Debug, Default)]
pub(super) struct Lines {
    heard: BTreeMap<EntityId, u64>,
    /// Own lines that are neither heard nor rejected yet.
    own: BTreeMap<u64, Seq>,
    rejected: BTreeSet<Seq>,
}

impl Lines {
    pub(super) fn said(&mut self, line: u64, seq: Seq) {
        self.own.insert(line, seq);
    }

    pub(super) fn rejected(&mut self, seq: Seq) {
        self.own.retain(|_, own| *own != seq);
        self.rejected.insert(seq);
    }

    /// A new reliable message holds this line of this speaker.
    pub(super) fn hear(&mut self, speaker: EntityId, line: u64, own: bool) -> Result<(), Found> {
        if own {
            self.own.remove(&line);
        }
        match self.heard.insert(speaker, line) {
            Some(before) if before == line => {
                Err((FaultKind::Doubled, format!("line {line} of {speaker} came again under a new n")))
            }
            Some(before) if before > line => {
                Err((FaultKind::Reordered, format!("line {line} of {speaker} came after its line {before}")))
            }
            _ => Ok(()),
        }
    }

    /// Own lines that should have been heard: their commands are acked.
    pub(super) fn missing(&self, commands: &Commands) -> impl Iterator<Item = u64> {
        let acked = commands.acked;
        self.own.iter().filter(move |(_, seq)| **seq <= acked).map(|(line, _)| *line)
    }
}

/// Own verbs and answers, where the zone's module counts what took effect and says so: each once.
#[derive(Debug, Default)]
pub(super) struct Effects {
    /// Neither acknowledged nor rejected yet.
    open: BTreeSet<Seq>,
    /// The module's last count; none: it has not counted yet.
    count: Option<u64>,
}

impl Effects {
    pub(super) fn did(&mut self, seq: Seq) {
        self.open.insert(seq);
    }

    pub(super) fn rejected(&mut self, seq: Seq) {
        self.open.remove(&seq);
    }

    /// The module says that this command took effect, as the `nth` of all of hers.
    pub(super) fn took(&mut self, seq: Seq, nth: u64) -> Result<(), Found> {
        let before = self.count.replace(nth);
        if !self.open.remove(&seq) {
            return Err((FaultKind::EffectTwice, format!("command {seq} took effect, and no such command was open")));
        }
        match before {
            Some(before) if nth <= before => Err((
                FaultKind::EffectLost,
                format!("command {seq} was counted as number {nth}, after number {before}"),
            )),
            Some(before) if nth > before + 1 => Err((
                FaultKind::EffectTwice,
                format!("command {seq} was counted as number {nth}, after number {before}"),
            )),
            _ => Ok(()),
        }
    }

    /// Commands that are acked, and of which nothing was heard.
    pub(super) fn missing(&self, commands: &Commands) -> impl Iterator<Item = Seq> {
        let acked = commands.acked;
        self.open.iter().copied().filter(move |seq| *seq <= acked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_effect_that_is_lost_doubled_or_uncounted_is_a_fault() {
        let (mut effects, mut commands) = (Effects::default(), Commands::default());
        for _ in 0..6 {
            effects.did(commands.number());
        }
        assert_eq!(effects.took(Seq(1), 7), Ok(()), "what she did before she came is not known");
        assert_eq!(effects.took(Seq(2), 8), Ok(()));
        assert!(matches!(effects.took(Seq(2), 9), Err((FaultKind::EffectTwice, _))), "told twice");
        assert!(matches!(effects.took(Seq(3), 11), Err((FaultKind::EffectTwice, _))), "counted twice");
        assert!(matches!(effects.took(Seq(4), 11), Err((FaultKind::EffectLost, _))), "not counted");
        effects.rejected(Seq(5));
        commands.ack(Seq(5)).expect("was sent");
        assert_eq!(effects.missing(&commands).count(), 0, "the sixth is not acked yet");
        commands.ack(Seq(6)).expect("was sent");
        assert_eq!(effects.missing(&commands).collect::<Vec<_>>(), [Seq(6)]);
    }

    #[test]
    fn a_gap_is_told_once_and_a_repeat_never() {
        let mut reliable = Reliable::default();
        assert_eq!(reliable.receive(MsgNo(1)), Ok(true));
        assert_eq!(reliable.receive(MsgNo(1)), Ok(false));
        assert_eq!(reliable.receive(MsgNo(4)), Err((FaultKind::Gap, "n 4 came where 2 was due".into())));
        assert_eq!(reliable.receive(MsgNo(5)), Ok(true));
        assert_eq!((reliable.next_ack(), reliable.next_ack()), (Some(MsgNo(5)), None));
    }

    #[test]
    fn an_ack_of_something_never_sent_or_going_back_is_a_fault() {
        let mut commands = Commands::default();
        for _ in 0..3 {
            let seq = commands.number();
            commands.keep(seq, ClientMsg::Bye {});
        }
        assert_eq!(commands.ack(Seq(2)), Ok(()));
        assert_eq!(commands.pending(), 1);
        assert!(matches!(commands.ack(Seq(1)), Err((FaultKind::BadAck, _))));
        assert!(matches!(commands.ack(Seq(4)), Err((FaultKind::BadAck, _))));
    }

    #[test]
    fn a_line_twice_or_out_of_order_is_a_fault_and_an_unheard_own_line_is_missing() {
        let mut lines = Lines::default();
        let speaker = EntityId(7);
        assert_eq!(lines.hear(speaker, 1, false), Ok(()));
        assert!(matches!(lines.hear(speaker, 1, false), Err((FaultKind::Doubled, _))));
        assert_eq!(lines.hear(speaker, 3, false), Ok(()));
        assert!(matches!(lines.hear(speaker, 2, false), Err((FaultKind::Reordered, _))));

        let mut commands = Commands::default();
        for line in 1..=3 {
            let seq = commands.number();
            lines.said(line, seq);
        }
        commands.ack(Seq(2)).expect("was sent");
        lines.rejected(Seq(1));
        assert_eq!(lines.missing(&commands).collect::<Vec<_>>(), [2], "the third is not acked yet, the first rejected");
    }
}
