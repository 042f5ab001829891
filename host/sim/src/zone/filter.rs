//! What the module makes of what players say, before anybody hears it: one call for all lines of a tick, and none for a module that
//! does not ask for it.
//!
//! Whispers are private: they are not judged, and only wait behind what the same tick has to judge, so that every speaker's words
//! keep their order. Where the module fails, or is missing, lines are heard as they are: people talk on.

use wod_protocol::client::{ChatMode, RejectCode};
use wod_protocol::ids::{EntityId, Seq};
use wod_protocol::limits::CHAT_CHARS;
use wod_protocol::line;

use super::Zone;
use super::checks::check_text;
use super::commands::BLOCKED;
use super::limits::{JUDGED_BYTES, JUDGED_LINES};
use super::modules::Slot;
use super::orders::Command;
use super::scene::to_point;
use super::turn::Said;
use super::versions::SPEAKING;
use crate::io::{CallOutcome, Outcome, Report};
use crate::module::{Fault, FaultKind, Line, LogLevel, Returned, Verdict};

impl Zone {
    /// Whether what players say waits for the module's verdict.
    pub(super) fn filters(&self) -> bool {
        matches!(&self.slot, Slot::Running(module) if module.filters())
    }

    /// A player's line waits for the end of the tick's inputs.
    pub(super) fn await_verdict(&mut self, said: Said) {
        if said.mode != ChatMode::Whisper {
            if self.state.versions.is_blocked(said.speaker, SPEAKING) {
                return self.reject(said.speaker, said.seq, &RejectCode::ModuleFault, BLOCKED);
            }
            let judged = || self.turn.said.iter().filter(|said| said.mode != ChatMode::Whisper);
            let bytes: usize = judged().map(|said| said.text.len()).sum();
            if judged().count() >= JUDGED_LINES || bytes + said.text.len() > JUDGED_BYTES {
                return self.reject(said.speaker, said.seq, &RejectCode::TooMany, "too much is said here at once");
            }
        }
        self.turn.said.push(said);
    }

    /// Has the module judge what was said in this tick; then it is heard.
    pub(super) fn judge_lines(&mut self, obey: Option<&Outcome>, outcome: &mut Outcome) {
        let overheard = std::mem::take(&mut self.turn.overheard);
        if !overheard.is_empty() {
            let (frame, luck) = (self.call_frame(), self.state.scene.luck.clone());
            let verdicts = vec![Verdict::Pass; overheard.len()];
            self.show_beside(&frame, &overheard, luck, &verdicts, &[]);
        }
        let said = std::mem::take(&mut self.turn.said);
        let lines: Vec<Line> = said.iter().filter_map(|said| self.line(said)).collect();
        let (verdicts, commands) = self.verdicts(&lines, obey, outcome);
        let mut verdicts = verdicts.into_iter();
        for Said { speaker, seq, mode, text, to } in said {
            let is_here = self.state.players.contains_key(&speaker);
            let verdict = if mode == ChatMode::Whisper || !is_here { None } else { verdicts.next() };
            match verdict {
                Some(Verdict::Change(changed)) => self.say_changed(speaker, seq, mode, &changed),
                Some(Verdict::Veto(why)) => {
                    let usable = !why.is_empty() && check_text(&why, CHAT_CHARS).is_ok();
                    let why = if usable { why.as_str() } else { "that is not said here" };
                    self.reject(speaker, seq, &RejectCode::Refused, why);
                }
                Some(Verdict::Pass) | None => self.utter(speaker, seq, mode, &text, to.as_deref()),
            }
        }
        self.apply(commands);
    }

    /// What the module is told of it; none: it is private, or whoever said it turned out to be somebody's outdated avatar.
    fn line(&self, said: &Said) -> Option<Line> {
        let Said { speaker, mode, text, .. } = said;
        let entity = self.state.scene.entities.get(speaker).filter(|_| self.state.players.contains_key(speaker))?;
        let at = to_point(entity.at);
        (*mode != ChatMode::Whisper).then(|| Line { speaker: *speaker, mode: *mode, text: text.clone(), at })
    }

    /// One verdict a line, and what the module ordered meanwhile. None at all: everything is heard as it is.
    fn verdicts(
        &mut self,
        lines: &[Line],
        obey: Option<&Outcome>,
        outcome: &mut Outcome,
    ) -> (Vec<Verdict>, Vec<Command>) {
        if lines.is_empty() || !self.filters() {
            return Default::default();
        }
        if let Some(Outcome { filter: CallOutcome::Fault(fault), .. }) = obey {
            self.park();
            self.filter_failed(lines, fault.clone(), outcome);
            return Default::default();
        }
        let (frame, luck) = (self.call_frame(), self.state.scene.luck.clone());
        match self.call(|module, calls| one_each(module.filter(&frame, lines, calls), lines)) {
            Ok((verdicts, commands)) => {
                self.show_beside(&frame, lines, luck, &verdicts, &commands);
                (verdicts, commands)
            }
            Err(mut fault) => {
                if fault.kind == FaultKind::WrongAnswer {
                    // It came to the end of the lines: the last one is not to blame.
                    fault.event = None;
                }
                if obey.is_some() {
                    self.diverged = Some(fault.clone());
                }
                self.slot = Slot::Missing;
                self.filter_failed(lines, fault, outcome);
                Default::default()
            }
        }
    }

    /// The call's commands are void, the lines are heard as they are. Who brings the module down again by what she says is not heard
    /// any more.
    fn filter_failed(&mut self, lines: &[Line], fault: Fault, outcome: &mut Outcome) {
        let alone = if lines.len() == 1 { lines.first() } else { None };
        let culprit = fault.event.and_then(|index| lines.get(index as usize)).or(alone);
        let mut told = fault.clone();
        if let Some(Line { speaker, text, .. }) = culprit {
            told.detail = format!("{}; it judged what {speaker} said: {text:?}", told.detail);
            if self.state.versions.note_filter_fault(*speaker) {
                self.turn.report(Report::Blocked { player: *speaker, verb: SPEAKING.to_owned() });
            }
        }
        self.state.untold.get_or_insert(self.state.tick);
        self.turn.report(Report::Fault(told, None));
        self.turn.out.binding = true;
        outcome.filter = CallOutcome::Fault(fault);
    }

    /// The module's words in the player's mouth: a line like any other.
    fn say_changed(&mut self, speaker: EntityId, seq: Seq, mode: ChatMode, changed: &str) {
        match line::clean(changed) {
            Ok(text) => self.utter(speaker, seq, mode, &text, None),
            Err(bad) => {
                let message = format!("the chat filter changed a line to what is none: {bad}");
                self.turn.report(Report::Log(LogLevel::Error, message, Vec::new()));
                self.reject(speaker, seq, &RejectCode::ModuleFault, "that failed; it was reported");
            }
        }
    }
}

/// Another number of verdicts than lines is a fault.
pub(super) fn one_each(returned: Returned<Vec<Verdict>>, lines: &[Line]) -> Returned<Vec<Verdict>> {
    let Returned { calls, result } = returned;
    let result = result.and_then(|verdicts| {
        if verdicts.len() == lines.len() {
            return Ok(verdicts);
        }
        let detail = format!("the chat filter gave {} verdicts for {} lines", verdicts.len(), lines.len());
        Err(Fault { kind: FaultKind::WrongAnswer, detail, event: None })
    });
    Returned { calls, result }
}
