//! One bot: a pure state machine. Time and messages in; messages, samples and faults out ([`Out`]).

mod deeds;
mod errand;
mod trail;

use std::collections::HashMap;

use wod_protocol::client::{
    ClientMsg, DialogueOption, ResumeRequest, RosterEntry, ServerMsg, UpdateEntry, Verb, ZoneInfo, ZoneReason,
};
use wod_protocol::ids::{CorrectionNo, EntityId, MoveNo, Seq};

use self::errand::Errand;
use self::trail::Trail;
use super::atlas::{Atlas, Home};
use super::checks::{Commands, Effects, FaultKind, Found, Lines, Reliable};
use super::clock::{Dice, Micros, Stamp};
use super::ground::Spot;
use super::report::Counters;
use super::walker::Walker;

/// Acks of reliable messages: this often, or after this many. The protocol asks for 1 s and 32.
const ACK_EVERY: Micros = 250_000;
const ACK_AFTER: u64 = 16;

/// What all bots of a run do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// Joining, finding out about the world, walking home.
    Settling,
    /// Walking and talking; latencies and gaps count.
    Measuring,
    /// Silent, until every command is acked.
    Draining,
}

/// What a bot is to do in its run.
#[derive(Debug, Clone)]
pub(super) struct Task {
    /// Of all bots of the run, over all processes.
    pub(super) index: usize,
    /// What every bot's name begins with in this run, and in no other.
    pub(super) prefix: String,
    /// Signed login; none: a guest.
    pub(super) ticket: Option<String>,
    /// Moves a second.
    pub(super) move_rate: f64,
    /// Lines a second.
    pub(super) chat_rate: f64,
    /// Verbs and answers in dialogues a second.
    pub(super) verb_rate: f64,
    /// The zones' modules say of each that it took effect.
    pub(super) effects: bool,
    /// Goes from zone to zone all the time.
    pub(super) crosses: bool,
    /// Finds out what leads where.
    pub(super) scouts: bool,
}

/// What all bots of a process see.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) phase: Phase,
    pub(super) atlas: &'a Atlas,
    /// Where this bot belongs, as far as the world is known; none until one zone is.
    pub(super) home: Option<&'a Home>,
}

/// What came of an event. The caller empties it.
#[derive(Default)]
pub(super) struct Out {
    /// To send, in order.
    pub(super) send: Vec<ClientMsg>,
    /// Age of neighbours' moves as they arrived.
    pub(super) move_ages: Vec<Micros>,
    /// Age of neighbours' lines as they arrived.
    pub(super) chat_ages: Vec<Micros>,
    /// The same of lines said in another zone, which came over a border.
    pub(super) chat_ages_across: Vec<Micros>,
    /// From the last update in one zone to the first in the next.
    pub(super) crossing_gaps: Vec<Micros>,
    pub(super) faults: Vec<Found>,
    /// Worth knowing, but no fault: what was corrected, and where.
    pub(super) notes: Vec<String>,
}

impl Out {
    /// Whether there is nothing for the report.
    pub(super) fn is_quiet(&self) -> bool {
        self.move_ages.is_empty()
            && self.chat_ages.is_empty()
            && self.chat_ages_across.is_empty()
            && self.crossing_gaps.is_empty()
            && self.faults.is_empty()
            && self.notes.is_empty()
    }
}

/// One player.
pub(super) struct Bot {
    task: Task,
    name: String,
    dice: Dice,
    session: Option<(String, String)>,
    you: EntityId,
    here: Option<Here>,
    errand: Errand,
    /// Where it belonged when it last made a plan.
    home: Option<Home>,
    m: MoveNo,
    trail: Trail,
    reliable: Reliable,
    commands: Commands,
    lines: Lines,
    line: u64,
    effects: Effects,
    /// The dialogue that was said last, and what can be answered.
    talk: Option<(u64, Vec<DialogueOption>)>,
    roster: HashMap<EntityId, Known>,
    peers: usize,
    dilation: f64,
    due: Due,
    /// When the last update came, or the first peer into the roster.
    updated: Option<Micros>,
    /// When the last update came from the zone it has just left, until the first comes from the one it is in.
    crossing: Option<Micros>,
    pub(super) counters: Counters,
}

/// The zone it is in.
struct Here {
    zone: String,
    corner: Spot,
    at: Spot,
    speed: f64,
    c: CorrectionNo,
    /// None: its map is not read yet, or it is walled in.
    walker: Option<Walker>,
}

struct Known {
    peer: bool,
    stamp: Stamp,
    at: Spot,
    verbs: Vec<Verb>,
}

/// When to do what next.
struct Due {
    step: Micros,
    chat: Micros,
    verb: Micros,
    ack: Micros,
}

impl Bot {
    pub(super) fn new(task: Task, now: Micros) -> Self {
        let mut dice = Dice::new(task.index as u64 + 1);
        let mut within = |rate: f64| now + if rate > 0.0 { (dice.share() / rate * 1e6) as Micros } else { 0 };
        let (step, chat) = (within(task.move_rate), within(task.chat_rate));
        let due = Due { step, chat, verb: within(task.verb_rate), ack: now + ACK_EVERY };
        Self {
            name: format!("{}x{}", task.prefix, task.index),
            task,
            dice,
            session: None,
            you: EntityId(0),
            here: None,
            errand: Errand::Nothing,
            home: None,
            m: MoveNo(0),
            trail: Trail::default(),
            reliable: Reliable::default(),
            commands: Commands::default(),
            lines: Lines::default(),
            line: 0,
            effects: Effects::default(),
            talk: None,
            roster: HashMap::new(),
            peers: 0,
            dilation: 1.0,
            due,
            updated: None,
            crossing: None,
            counters: Counters::default(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether it has a session and stands in a zone.
    pub(super) fn is_in(&self) -> bool {
        self.here.is_some()
    }

    /// Whether it is where it belongs.
    pub(super) fn is_settled(&self) -> bool {
        self.errand == Errand::Settled
    }

    /// Whether it finds out what leads where.
    pub(super) fn scouts(&self) -> bool {
        self.task.scouts
    }

    /// Whether a command waits for its ack, an own line for being heard, or a verb for its effect.
    pub(super) fn owes(&self) -> bool {
        self.commands.pending() > 0
            || self.lines.missing(&self.commands).next().is_some()
            || self.effects.missing(&self.commands).next().is_some()
    }

    /// What the end of the run finds wrong.
    pub(super) fn finish(&mut self, out: &mut Out) {
        if self.commands.pending() > 0 {
            let text = format!("{} command(s) were never acked", self.commands.pending());
            out.faults.push((FaultKind::Unacked, text));
        }
        for line in self.lines.missing(&self.commands) {
            out.faults.push((FaultKind::LineLost, format!("own line {line} took effect and was never heard")));
        }
        for seq in self.effects.missing(&self.commands) {
            out.faults.push((FaultKind::EffectLost, format!("command {seq} was acked, and nothing came of it")));
        }
        self.counters.repeats = self.reliable.repeats;
    }

    /// A connection stands: the first message. A session is continued with `resume`.
    pub(super) fn hello(&mut self) -> ClientMsg {
        let n = self.reliable.last();
        let resume = self.session.clone().map(|(session, token)| ResumeRequest { session, token, n, history: false });
        let name = (resume.is_none() && self.task.ticket.is_none()).then(|| self.name.clone());
        let ticket = self.task.ticket.clone().filter(|_| resume.is_none());
        ClientMsg::Hello { ticket, name, resume, client: Some("wod bots".into()) }
    }

    /// The world's store has lost the session: what it had promised is void, and what nobody knows the end of is gone with it.
    pub(super) fn count_what_is_gone(&mut self) {
        let unheard = self.lines.missing(&self.commands).count() + self.effects.missing(&self.commands).count();
        self.counters.set_backs += 1;
        self.counters.gone_commands += (self.commands.pending() + unheard) as u64;
    }

    /// The session is over; the next `hello` begins anew.
    pub(super) fn forget_session(&mut self) {
        self.session = None;
        self.here = None;
        self.m = MoveNo(0);
        self.reliable.start_again();
        self.commands = Commands::default();
        self.lines = Lines::default();
        self.effects = Effects::default();
        self.talk = None;
        self.clear_roster();
    }

    /// The connection is gone: nothing is known to be current until the next `zone`.
    pub(super) fn disconnected(&mut self, atlas: &Atlas) {
        self.errand.give_up(atlas);
        self.here = None;
        self.clear_roster();
    }

    pub(super) fn on_message(&mut self, now: Micros, message: ServerMsg, scene: Scene<'_>, out: &mut Out) {
        match message {
            ServerMsg::Welcome { session, token, you, name, seq } => {
                if let Some((before, _)) = &self.session {
                    if *before != session || self.you != you {
                        out.faults.push((FaultKind::SessionLost, format!("resumed {before}, welcomed to {session}")));
                    }
                    self.counters.resumes += 1;
                    out.faults.extend(self.commands.ack(seq).err());
                    self.reliable.reconnected();
                    out.send.extend(self.commands.again().cloned());
                } else {
                    self.counters.joins += 1;
                }
                self.session = Some((session, token));
                self.you = you;
                self.name = name;
            }
            ServerMsg::Zone(info) => self.on_zone(now, info, scene),
            ServerMsg::Roster { enter, leave, full } => self.on_roster(now, enter, &leave, full),
            ServerMsg::Correct { c, m, x, y, why } => self.on_correct(now, (c, m), [x, y], &why, scene, out),
            ServerMsg::Chat { n, from, name, text, .. } => {
                if self.receive(n, out) {
                    self.on_line(now, from, &name, &text, scene.phase, out);
                }
            }
            ServerMsg::Reject { n, seq, code, .. } => {
                if self.receive(n, out) {
                    self.lines.rejected(seq);
                    self.effects.rejected(seq);
                    *self.counters.rejects.entry(code).or_default() += 1;
                }
            }
            ServerMsg::Ignored { n, .. } => {
                self.receive(n, out);
            }
            ServerMsg::Dialogue { n, dialogue, options, .. } => {
                if self.receive(n, out) {
                    self.talk = (!options.is_empty()).then_some((dialogue, options));
                }
            }
            ServerMsg::Event { n: Some(n), name, data } => {
                if self.receive(n, out) && self.task.effects && name == "used" {
                    self.on_effect(&data, out);
                }
            }
            ServerMsg::Verbs { id, verbs } => {
                if let Some(known) = self.roster.get_mut(&id) {
                    known.verbs = verbs;
                }
            }
            ServerMsg::Ack { seq } => out.faults.extend(self.commands.ack(seq).err()),
            ServerMsg::Paused { .. } => self.counters.pauses += 1,
            ServerMsg::Event { n: None, .. }
            | ServerMsg::History { .. }
            | ServerMsg::Resumed { .. }
            | ServerMsg::Tags { .. }
            | ServerMsg::Name { .. }
            | ServerMsg::Barrier { .. }
            | ServerMsg::Pong { .. }
            | ServerMsg::Bye { .. }
            // `wire` hands updates to `on_update`.
            | ServerMsg::Update { .. } => {}
        }
        if self.reliable.unacked() >= ACK_AFTER {
            self.ack(out);
        }
    }

    pub(super) fn on_update(
        &mut self,
        now: Micros,
        entries: &[UpdateEntry],
        dilation: Option<f64>,
        phase: Phase,
        out: &mut Out,
    ) {
        self.dilation = dilation.unwrap_or(1.0).clamp(0.01, 1.0);
        self.counters.updates += 1;
        self.counters.positions += entries.len() as u64;
        self.note_gap(now, phase);
        self.updated = Some(now);
        out.crossing_gaps.extend(self.crossing.take().map(|since| now.saturating_sub(since)));
        for UpdateEntry(id, x, y, heading, _) in entries {
            let Some(known) = self.roster.get_mut(id) else {
                out.faults.push((FaultKind::Stranger, format!("an update about {id}, who is not in the roster")));
                continue;
            };
            known.at = [*x, *y];
            let stamp = Stamp::from_radians(*heading);
            if known.peer && stamp != known.stamp {
                known.stamp = stamp;
                if phase == Phase::Measuring {
                    out.move_ages.push(stamp.age(now));
                }
            }
        }
    }

    fn on_effect(&mut self, data: &serde_json::Value, out: &mut Out) {
        match data["seq"].as_u64().map(Seq).zip(data["nth"].as_u64()) {
            Some((seq, nth)) => {
                self.counters.effects += 1;
                out.faults.extend(self.effects.took(seq, nth).err());
            }
            None => out.faults.push((FaultKind::Malformed, format!("`used` without seq and nth: {data}"))),
        }
    }

    fn receive(&mut self, n: wod_protocol::ids::MsgNo, out: &mut Out) -> bool {
        self.counters.reliable += 1;
        match self.reliable.receive(n) {
            Ok(new) => new,
            Err(fault) => {
                out.faults.push(fault);
                true
            }
        }
    }

    fn on_zone(&mut self, now: Micros, info: ZoneInfo, scene: Scene<'_>) {
        self.trail.told(now, &info);
        let from = self.here.take().map(|here| here.zone);
        match info.reason {
            ZoneReason::Crossed => {
                self.counters.crossings += 1;
                self.crossing = self.updated.filter(|_| scene.phase == Phase::Measuring);
            }
            ZoneReason::Swapped | ZoneReason::RolledBack => self.counters.swaps += 1,
            ZoneReason::Recovered | ZoneReason::Migrated => self.counters.recoveries += 1,
            ZoneReason::Entered | ZoneReason::Resumed => {}
        }
        if from.as_deref().is_some_and(|from| from != info.zone) {
            self.errand.crossed(&info.zone, scene.atlas);
            self.talk = None;
        }
        // A swap says `zone` again: the feet go on, the plan stays.
        self.clear_roster();
        let corner = [info.bounds[0], info.bounds[1]];
        let at = [info.x - corner[0], info.y - corner[1]];
        self.here = Some(Here { zone: info.zone, corner, at, speed: info.speed, c: info.c, walker: None });
        self.errand.replan();
    }

    fn on_correct(
        &mut self,
        now: Micros,
        (c, m): (CorrectionNo, MoveNo),
        [x, y]: Spot,
        why: &str,
        scene: Scene<'_>,
        out: &mut Out,
    ) {
        let Some(here) = &mut self.here else { return };
        here.c = c;
        here.at = [x - here.corner[0], y - here.corner[1]];
        // Where it was going to no longer starts from here.
        here.walker = None;
        if why == "out_of_bounds" && self.errand.found_nothing(scene.atlas) {
            self.counters.probes += 1;
        } else {
            out.notes.push(self.trail.explain(now, m, why, [x, y]));
            *self.counters.corrections.entry(why.to_owned()).or_default() += 1;
        }
        self.errand.replan();
    }

    fn on_roster(&mut self, now: Micros, enter: Vec<RosterEntry>, leave: &[EntityId], full: bool) {
        let had_peers = self.peers > 0;
        if full {
            self.roster.clear();
        }
        for id in leave {
            self.roster.remove(id);
        }
        for entry in enter {
            let peer = entry.name.starts_with(&self.task.prefix);
            let known = Known { peer, stamp: Stamp::from_radians(entry.h), at: [entry.x, entry.y], verbs: entry.verbs };
            self.roster.insert(entry.id, known);
        }
        self.peers = self.roster.values().filter(|known| known.peer).count();
        match (had_peers, self.peers > 0) {
            (_, false) => (self.updated, self.crossing) = (None, None),
            (false, true) if self.updated.is_none() => self.updated = Some(now),
            _ => {}
        }
    }

    fn on_line(&mut self, now: Micros, from: EntityId, name: &str, text: &str, phase: Phase, out: &mut Out) {
        self.counters.lines_heard += 1;
        let Some((line, said, zone)) = read_line(text).filter(|_| name.starts_with(&self.task.prefix)) else { return };
        let own = from == self.you;
        out.faults.extend(self.lines.hear(from, line, own).err());
        if let Some(here) = self.here.as_ref().filter(|_| !own && phase == Phase::Measuring) {
            let ages = if here.zone == zone { &mut out.chat_ages } else { &mut out.chat_ages_across };
            ages.push(now.saturating_sub(said));
        }
    }

    /// The longest time without an update while a peer is near; peers walk all the time.
    fn note_gap(&mut self, now: Micros, phase: Phase) {
        if let Some(updated) = self.updated.filter(|_| phase == Phase::Measuring) {
            self.counters.longest_gap_us = self.counters.longest_gap_us.max(now.saturating_sub(updated));
        }
    }

    /// A time without updates goes on.
    fn clear_roster(&mut self) {
        self.roster.clear();
        self.peers = 0;
    }
}

/// `line 3 at 1234567 in nyc.docks` → (3, 1234567, `nyc.docks`).
fn read_line(text: &str) -> Option<(u64, Micros, &str)> {
    let (line, rest) = text.strip_prefix("line ")?.split_once(" at ")?;
    let (at, zone) = rest.split_once(" in ")?;
    Some((line.parse().ok()?, at.parse().ok()?, zone))
}

#[cfg(test)]
mod tests;
