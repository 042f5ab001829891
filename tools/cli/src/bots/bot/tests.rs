#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::sync::Arc;

use wod_protocol::client::Kind;
use wod_protocol::ids::{Generation, MsgNo, Seq, Tick};
use wod_protocol::map::Map;

use super::*;
use crate::bots::ground::Ground;

const SECOND: Micros = 1_000_000;

fn bot(crosses: bool) -> Bot {
    let task = Task {
        index: 7,
        prefix: "Botrun".into(),
        ticket: None,
        move_rate: 10.0,
        chat_rate: 1.0,
        verb_rate: 0.0,
        effects: false,
        crosses,
        scouts: true,
    };
    Bot::new(task, 0)
}

fn zone(name: &str, bounds: [f64; 4], at: Spot, reason: ZoneReason) -> ZoneInfo {
    ZoneInfo {
        zone: name.into(),
        region: "nyc".into(),
        bounds,
        x: at[0],
        y: at[1],
        h: 0.0,
        c: CorrectionNo(0),
        speed: 6.0,
        tick_hz: 20,
        tick: Tick(1),
        game_ms: 50,
        map: String::new(),
        barriers: Vec::new(),
        module: "m".into(),
        version: "1".into(),
        generation: Generation(0),
        reason,
    }
}

fn peer(id: u64) -> RosterEntry {
    RosterEntry {
        id: EntityId(id),
        kind: Kind::Player,
        name: format!("Botrunx{id}"),
        x: 1.0,
        y: 1.0,
        h: 0.0,
        tags: Default::default(),
        verbs: Vec::new(),
        ghost: false,
    }
}

fn welcome(session: &str, seq: u64) -> ServerMsg {
    ServerMsg::Welcome {
        session: session.into(),
        token: "t".into(),
        you: EntityId(1),
        name: "Botrunx7".into(),
        seq: Seq(seq),
    }
}

/// A bot that is in a zone of 20 × 20 m whose map it knows, measuring.
struct Stage {
    bot: Bot,
    atlas: Atlas,
    home: Option<Home>,
    phase: Phase,
    out: Out,
    now: Micros,
}

impl Stage {
    fn new(crosses: bool) -> Self {
        let mut stage = Self {
            bot: bot(crosses),
            atlas: Atlas::default(),
            home: None,
            phase: Phase::Settling,
            out: Out::default(),
            now: 0,
        };
        stage.hear(welcome("s", 0));
        stage.arrive(zone("nyc.a", [0.0, 0.0, 20.0, 20.0], [10.0, 10.0], ZoneReason::Entered));
        stage
    }

    fn arrive(&mut self, info: ZoneInfo) {
        let size = [info.bounds[2] - info.bounds[0], info.bounds[3] - info.bounds[1]];
        let name = info.zone.clone();
        let is_new = self.atlas.enter(&info);
        self.hear(ServerMsg::Zone(info));
        if is_new {
            self.atlas.survey(&name, Arc::new(Ground::new(Map::empty(size[0], size[1]))));
        }
    }

    fn hear(&mut self, message: ServerMsg) {
        let scene = Scene { phase: self.phase, atlas: &self.atlas, home: self.home.as_ref() };
        self.bot.on_message(self.now, message, scene, &mut self.out);
    }

    /// Lets time pass and returns what the bot sent.
    fn pass(&mut self, time: Micros) -> Vec<ClientMsg> {
        let end = self.now + time;
        while self.bot.next_due() <= end {
            self.now = self.bot.next_due();
            let scene = Scene { phase: self.phase, atlas: &self.atlas, home: self.home.as_ref() };
            self.bot.on_time(self.now, scene, &mut self.out);
        }
        self.now = end;
        std::mem::take(&mut self.out.send)
    }

    fn last_claim(&mut self, time: Micros) -> Spot {
        let sent = self.pass(time);
        let claims = sent.iter().rev();
        claims
            .filter_map(|message| if let ClientMsg::Move { x, y, .. } = message { Some([*x, *y]) } else { None })
            .next()
            .unwrap()
    }
}

#[test]
fn ten_moves_a_second_at_less_than_the_legal_speed() {
    let mut stage = Stage::new(false);
    let mut before: Option<Spot> = None;
    let moves = stage.pass(10 * SECOND);
    let claims: Vec<Spot> =
        moves.iter().filter_map(|m| if let ClientMsg::Move { x, y, .. } = m { Some([*x, *y]) } else { None }).collect();
    assert!((99..=101).contains(&claims.len()), "{}", claims.len());
    for claim in claims {
        if let Some(before) = before {
            assert!(crate::bots::ground::distance(before, claim) <= 0.6);
        }
        before = Some(claim);
    }
}

#[test]
fn a_resume_sends_every_unacked_command_again() {
    let mut stage = Stage::new(false);
    stage.phase = Phase::Measuring;
    let said: Vec<_> = stage.pass(5 * SECOND).into_iter().filter(|m| matches!(m, ClientMsg::Chat { .. })).collect();
    assert!(said.len() >= 4);
    stage.hear(ServerMsg::Ack { seq: Seq(1) });
    stage.bot.disconnected(&stage.atlas);
    let ClientMsg::Hello { resume: Some(resume), name: None, .. } = stage.bot.hello() else { panic!("resumes") };
    assert_eq!((resume.session.as_str(), resume.n), ("s", MsgNo(0)));
    stage.out.send.clear();
    stage.hear(welcome("s", 2));
    assert_eq!(stage.out.send, said[2..]);
    assert!(stage.out.faults.is_empty() && stage.bot.owes());
}

#[test]
fn another_session_after_a_resume_is_a_fault() {
    let mut stage = Stage::new(false);
    stage.bot.disconnected(&stage.atlas);
    stage.hear(welcome("other", 0));
    assert_eq!(stage.out.faults[0].0, FaultKind::SessionLost);
}

#[test]
fn the_age_of_a_neighbours_move_is_counted_once() {
    let mut stage = Stage::new(false);
    stage.phase = Phase::Measuring;
    stage.hear(ServerMsg::Roster { enter: vec![peer(2)], leave: Vec::new(), full: true });
    stage.now = 3 * SECOND;
    let heading = Stamp::of(stage.now - 40_000).to_radians() - 1e-6;
    let entry = UpdateEntry(EntityId(2), 1.0, 1.0, heading, 0);
    for _ in 0..2 {
        stage.bot.on_update(stage.now, &[entry], None, stage.phase, &mut stage.out);
    }
    assert_eq!(stage.out.move_ages, [40_000]);
    assert!(stage.out.faults.is_empty());
    stage.bot.on_update(stage.now, &[UpdateEntry(EntityId(3), 0.0, 0.0, 0.0, 0)], None, stage.phase, &mut stage.out);
    assert_eq!(stage.out.faults[0].0, FaultKind::Stranger);
}

#[test]
fn the_longest_gap_is_seen_even_while_it_lasts() {
    let mut stage = Stage::new(false);
    stage.phase = Phase::Measuring;
    stage.hear(ServerMsg::Roster { enter: vec![peer(2)], leave: Vec::new(), full: true });
    stage.pass(SECOND);
    assert!(stage.bot.counters.longest_gap_us >= 800_000);
    stage.hear(ServerMsg::Roster { enter: Vec::new(), leave: vec![EntityId(2)], full: false });
    let before = stage.bot.counters.longest_gap_us;
    stage.pass(5 * SECOND);
    assert_eq!(stage.bot.counters.longest_gap_us, before, "with nobody near, nothing is due");
}

#[test]
fn a_scout_tries_each_side_once_and_the_next_zone_joins_the_atlas() {
    let mut stage = Stage::new(false);
    let mut here = 0;
    let zones = [("nyc.a", [0.0, 0.0, 20.0, 20.0]), ("nyc.b", [20.0, 0.0, 40.0, 20.0])];
    for _ in 0..1000 {
        if stage.atlas.is_known() {
            break;
        }
        let [x, y] = stage.last_claim(SECOND / 10);
        let holds = |[x0, y0, x1, y1]: [f64; 4]| x >= x0 && x < x1 && y >= y0 && y < y1;
        match zones.iter().position(|(_, bounds)| holds(*bounds)) {
            Some(there) if there != here => {
                here = there;
                stage.arrive(zone(zones[here].0, zones[here].1, [x, y], ZoneReason::Crossed));
            }
            Some(_) => {}
            None => {
                let [x, y] = [x.clamp(0.0, 39.9), y.clamp(0.0, 19.9)];
                let (c, m) = (CorrectionNo(stage.bot.counters.probes + 1), MoveNo(1));
                stage.hear(ServerMsg::Correct { c, m, x, y, why: "out_of_bounds".into() });
            }
        }
    }
    assert!(stage.atlas.is_known());
    assert_eq!(stage.atlas.zones(), ["nyc.a", "nyc.b"]);
    assert!(stage.bot.counters.corrections.is_empty());
    assert!(stage.atlas.toward("nyc.a", "nyc.b").is_some() && stage.atlas.toward("nyc.b", "nyc.a").is_some());
    assert_eq!(stage.bot.counters.probes, 6, "three sides of each that lead nowhere");
}

#[test]
fn a_bot_walks_to_its_home_in_another_zone() {
    let mut stage = Stage::new(false);
    stage.bot.task.scouts = false;
    stage.arrive(zone("nyc.b", [20.0, 0.0, 40.0, 20.0], [25.0, 10.0], ZoneReason::Crossed));
    stage.home = stage.atlas.homes(30.0).into_iter().find(|home| home.zone == "nyc.a");
    assert!(stage.home.is_some());
    for _ in 0..60 {
        let [x, y] = stage.last_claim(SECOND / 10);
        if x < 20.0 {
            stage.arrive(zone("nyc.a", [0.0, 0.0, 20.0, 20.0], [x, y], ZoneReason::Crossed));
            break;
        }
    }
    assert_eq!(stage.bot.counters.crossings, 2);
    stage.pass(10 * SECOND);
    assert!(stage.bot.is_settled());
}

#[test]
fn a_needless_correction_says_which_claim_it_is_about_and_what_the_bot_knew() {
    let mut stage = Stage::new(false);
    stage.bot.task.scouts = false;
    let claims = stage.pass(SECOND);
    let Some(ClientMsg::Move { m, x, y, .. }) = claims.last().cloned() else { panic!("{claims:?}") };
    stage.pass(SECOND / 10);
    stage.arrive(zone("la.b", [0.0, 0.0, 15.0, 20.0], [5.0, 5.0], ZoneReason::Crossed));
    stage.now += 7_000;
    stage.hear(ServerMsg::Correct { c: CorrectionNo(1), m, x: 5.0, y: 5.0, why: "out_of_bounds".into() });
    let note = stage.out.notes.pop().unwrap();
    let claim = format!("it was move {m} with c 0 to ({x:.2}, {y:.2})");
    assert!(note.starts_with("corrected in la.b: out_of_bounds, put to (5.00, 5.00)"), "{note}");
    assert!(note.contains(&claim), "{note}");
    assert!(note.ends_with("`zone` (Crossed) with c 0 and bounds [0.0, 0.0, 15.0, 20.0] came 7 ms ago"), "{note}");
}

#[test]
fn a_bot_uses_what_is_in_reach_answers_what_it_is_asked_and_counts_what_took_effect() {
    let mut stage = Stage::new(false);
    (stage.bot.task.verb_rate, stage.bot.task.effects, stage.bot.task.chat_rate) = (1.0, true, 0.0);
    stage.phase = Phase::Measuring;
    let npc = |id: u64, x: f64| RosterEntry {
        kind: Kind::Npc,
        name: "Keeper".into(),
        x,
        verbs: vec![Verb { id: "talk".into(), label: "Talk".into(), reach: 15.0 }],
        ..peer(id)
    };
    stage.hear(ServerMsg::Roster { enter: vec![npc(5, 10.0), npc(6, 90.0)], leave: Vec::new(), full: true });
    let used = |sent: Vec<ClientMsg>| sent.into_iter().find(|message| matches!(message, ClientMsg::Interact { .. }));
    let talk = ClientMsg::Interact { seq: Seq(1), target: EntityId(5), verb: "talk".into(), args: None };
    assert_eq!(used(stage.pass(2 * SECOND)), Some(talk));

    let options = vec![DialogueOption { id: "bye".into(), text: "Bye.".into() }];
    let (text, dialogue) = ("Figs?".into(), 3);
    stage.hear(ServerMsg::Dialogue { n: MsgNo(1), dialogue, npc: EntityId(5), text, options });
    let sent = stage.pass(SECOND);
    let chosen = sent.iter().find_map(|message| match message {
        ClientMsg::Choose { dialogue: 3, option, seq } => Some((*seq, option.clone())),
        _ => None,
    });
    let (seq, option) = chosen.unwrap();
    assert_eq!(option.as_deref(), Some("bye"));

    stage.phase = Phase::Draining;
    stage.hear(ServerMsg::Ack { seq });
    assert!(stage.bot.owes(), "nothing is known to have taken effect");
    for nth in 1..=seq.0 {
        let data = serde_json::json!({ "seq": nth, "nth": nth });
        stage.hear(ServerMsg::Event { n: Some(MsgNo(1 + nth)), name: "used".into(), data });
    }
    assert!(!stage.bot.owes() && stage.out.faults.is_empty(), "{:?}", stage.out.faults);
}

#[test]
fn what_a_lost_session_had_promised_is_counted_and_the_next_session_is_held_to_its_own() {
    let mut stage = Stage::new(false);
    stage.phase = Phase::Measuring;
    let said = |messages: &[ClientMsg]| {
        let lines = messages.iter().filter(|message| matches!(message, ClientMsg::Chat { .. }));
        lines.count() as u64
    };
    let sent = stage.pass(5 * SECOND);
    let lines = said(&sent);
    assert!(lines > 2, "{lines}");
    // All but the last are acked, and none was heard before the store lost it.
    stage.hear(ServerMsg::Ack { seq: Seq(lines - 1) });
    stage.bot.count_what_is_gone();
    stage.bot.forget_session();
    assert_eq!((stage.bot.counters.set_backs, stage.bot.counters.gone_commands), (1, lines));
    assert!(matches!(stage.bot.hello(), ClientMsg::Hello { resume: None, .. }));

    stage.hear(welcome("another", 0));
    stage.hear(ServerMsg::Zone(zone("nyc.a", [0.0, 0.0, 20.0, 20.0], [10.0, 10.0], ZoneReason::Entered)));
    let again = stage.pass(5 * SECOND);
    let first = again.iter().find_map(|message| match message {
        ClientMsg::Chat { seq, .. } => Some(*seq),
        _ => None,
    });
    assert_eq!(first, Some(Seq(1)), "commands count anew");
    stage.hear(ServerMsg::Ack { seq: Seq(said(&again)) });
    assert!(stage.out.faults.is_empty());
    stage.bot.finish(&mut stage.out);
    assert!(!stage.out.faults.is_empty(), "lines of the new session that nobody heard are missed");
}
