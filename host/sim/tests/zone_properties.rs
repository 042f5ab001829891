//! A zone is a function of its inputs: the same twice, through a snapshot in the middle, and in a replay.
#![allow(clippy::unwrap_used, reason = "tests")]

mod zone_support;

use proptest::prelude::*;
use wod_protocol::bus::{DetachReason, GatewayInput, ZoneItem};
use wod_protocol::client::{ChatMode, ZoneReason};
use wod_protocol::ids::ZoneNo;
use wod_sim::io::{CallOutcome, Degradation, Input, Report};
use wod_sim::module::Module as _;
use wod_sim::zone::Zone;
use zone_support::{Chance, Client, EAST, FAR, Node, Puppets, Town, WEST, digest, world};

const TICKS: usize = 400;
/// Ticks in the beginning in which people do little else than walk to the border.
const STROLL: usize = 180;
const WORDS: [&str; 27] = [
    "trap",
    "draw",
    "come",
    "follow",
    "halt",
    "go",
    "spawn",
    "despawn",
    "place",
    "jump",
    "kick",
    "mute",
    "tag",
    "echo hello",
    "latest",
    "portal",
    "zone ny.east",
    "timer",
    "send ny.east",
    "sense",
    "speed",
    "look",
    "lower AMEN",
    "veto Hush.",
    "hiss",
    "count",
    "stumble",
];

/// What each zone was given, tick by tick.
type History = Vec<Vec<(ZoneNo, Vec<Input>)>>;

/// A random life of a small town. Returns what each zone was given in each tick.
fn live(seed: u64) -> (Town, History) {
    let mut town = Town::new(&[WEST, EAST, FAR]);
    (town.loss, town.doubling, town.lag, town.chance) = (10, 10, 3, Chance(seed));
    let mut history = Vec::new();
    let mut chance = Chance(seed ^ 0xabcd);
    for name in ["Ann", "Bob", "Eve", "Dan"] {
        let mut client = Client::new(name, town.clients.len() as u64 + 1);
        client.guest = name == "Dan";
        town.clients.push(client);
    }
    for tick in 0..TICKS {
        for who in 0..town.clients.len() {
            if tick >= STROLL || !stroll_to_the_border(&mut town, who) {
                act_at_random(&mut town, who, &mut chance);
            }
        }
        for zone in [WEST, EAST, FAR] {
            let missing = town.node(zone).zone.is_module_missing();
            if missing && chance.below(4) == 0 {
                town.node(zone).inbox.push(Input::Rebuilt);
            }
            let terms = town.node(zone).zone.terms();
            if missing && terms.previous.is_some() && chance.below(2) == 0 {
                let rewound = town.node(zone).retrace();
                town.node(zone).inbox.extend(rewound);
            }
            match chance.below(240) {
                0 => town.node(zone).inbox.push(Input::RollBack),
                1 => {
                    let request = chance.next();
                    town.node(zone).inbox.push(Input::Suspend { request, accept_loss: chance.below(4) > 0 });
                }
                3 => {
                    let levels = [Degradation::None, Degradation::FarMoves, Degradation::Rosters];
                    town.node(zone).inbox.push(Input::Degrade(levels[chance.below(3) as usize]));
                    town.node(zone).inbox.push(Input::Dilation(chance.below(1000) as u16));
                }
                2 => {
                    let saved = (chance.below(2) == 0).then(|| zone_support::Puppet::new("one").save().unwrap());
                    let generation = town.node(zone).zone.generation();
                    town.node(zone).inbox.push(Input::Shelve { generation, saved, why: "tired".into() });
                }
                _ => {}
            }
            if chance.below(60) == 0 {
                // Taken from the shelf without memory, `broken` would run, and not load its own snapshot.
                let versions = if terms.shelved.is_some() { 5 } else { 6 };
                let name = ["one", "two", "three", "walled", "hushed", "broken"][chance.below(versions) as usize];
                let probation = chance.below(40) as u32;
                town.node(zone).inbox.push(Input::Swap { digest: digest(name), probation });
            }
            if chance.below(50) == 0 {
                town.give(zone, GatewayInput::Resync);
            }
        }
        let late = town.take_late();
        for (zone, input) in late {
            town.node(zone).inbox.push(input);
        }
        let inputs = town.nodes.iter().map(|(zone, node)| (*zone, node.inbox.clone())).collect();
        history.push(inputs);
        town.step();
    }
    (town, history)
}

/// So that people meet over the border. False: she is there, or not in.
fn stroll_to_the_border(town: &mut Town, who: usize) -> bool {
    let client = &town.clients[who];
    let (x, y) = client.at.metres();
    let step = match client.zone {
        WEST if x < 92.0 => 0.25,
        EAST if x > 108.0 => -0.25,
        _ => return false,
    };
    let goes = client.attach.is_some();
    if goes {
        town.act(who, |client| client.move_to(x + step, y));
    }
    goes
}

fn act_at_random(town: &mut Town, who: usize, chance: &mut Chance) {
    let (x, y) = town.clients[who].at.metres();
    if town.clients[who].attach.is_none() {
        match chance.below(8) {
            0 => town.act(who, Client::login),
            1 if town.clients[who].n.0 > 0 => town.act(who, Client::resume),
            2 => town.clients[who].zone = [WEST, EAST, FAR][chance.below(3) as usize],
            _ => {}
        }
        return;
    }
    match chance.below(16) {
        0..=6 => {
            let (dx, dy) = (chance.below(7) as f64 * 0.1 - 0.3, chance.below(7) as f64 * 0.1 - 0.3);
            town.act(who, |client| client.move_to(x + dx, y + dy));
        }
        7 => town.act(who, |client| client.move_to(x + 30.0, y)),
        8..=10 => {
            let word = WORDS[chance.below(WORDS.len() as u64) as usize];
            town.act(who, |client| client.chat(ChatMode::Shout, word));
        }
        11 => match chance.below(6) {
            0 => town.act(who, |client| client.ignore(["Bob", "Dan"][(x as usize) % 2])),
            1 => town.act(who, |client| client.unignore("Bob")),
            _ => town.act(who, |client| client.whisper("Bob", "psst")),
        },
        12 => {
            if let Some(target) = town.clients[who].roster.first().copied() {
                town.act(who, |client| client.use_on(target, "poke"));
            }
        }
        13 => town.act(who, |client| client.ack()),
        14 if chance.below(4) == 0 => {
            let why = if chance.below(2) == 0 { DetachReason::Lost } else { DetachReason::Bye };
            town.act(who, |client| client.detach(why));
        }
        _ => town.resend(who),
    }
}

/// Lives a zone's part again; with `restart`, through a snapshot in that tick.
fn again(zone: ZoneNo, history: &History, restart: Option<usize>) -> (Vec<Vec<u8>>, u64) {
    let mut node = Node::new(zone);
    node.copy = None;
    let mut effects = Vec::new();
    node.step();
    for (tick, inputs) in history.iter().enumerate() {
        if restart == Some(tick) && !node.zone.is_module_missing() {
            let snapshot = node.zone.snapshot().unwrap();
            node.zone = Zone::restore(world(), zone, &snapshot, &mut Puppets::default()).unwrap();
        }
        node.inbox = inputs.iter().find(|(number, _)| *number == zone).unwrap().1.clone();
        node.step();
        node.effects.reports.retain(|report| !matches!(report, Report::LogDropped(_)));
        effects.push(rmp_serde::to_vec(&node.effects).unwrap());
    }
    (effects, node.zone.state_hash())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_same_inputs_give_the_same_state_and_effects_also_through_a_snapshot_and_in_a_replay(
        seed in any::<u64>(),
        restart in 1..TICKS,
    ) {
        let (mut town, history) = live(seed);
        // Every journaled tick was replayed by a copy as it was stepped; now the rest.
        town.check_copies();
        for zone in [WEST, EAST, FAR] {
            let first = again(zone, &history, None);
            prop_assert_eq!(first.1, town.node(zone).zone.state_hash());
            let through_snapshot = again(zone, &history, Some(restart));
            prop_assert!(first == through_snapshot, "zone {zone} differs after a snapshot in tick {restart}");
        }
        // Once nothing is lost any more, everybody is in one place at most.
        (town.loss, town.doubling) = (0, 0);
        town.steps(60);
        for name in ["Ann", "Bob", "Eve", "Dan"] {
            prop_assert!(town.avatars(name) <= 1, "{name} stands in two places");
        }
    }
}

/// The property above is worth as much as the lives it looks at.
#[test]
fn random_lives_have_everything_in_them() {
    let (mut crossings, mut faults, mut swaps, mut resumes, mut refused) = (0, 0, 0, 0, 0);
    let (mut ghosts, mut told, mut unjudged) = (0, 0, 0);
    for seed in 0..24 {
        let (mut town, _) = live(seed);
        let reasons: Vec<ZoneReason> = town.clients.iter().flat_map(|client| client.told.clone()).collect();
        crossings += reasons.iter().filter(|reason| **reason == ZoneReason::Crossed).count();
        resumes += reasons.iter().filter(|reason| **reason == ZoneReason::Resumed).count();
        for zone in [WEST, EAST, FAR] {
            let outcomes: Vec<_> = town.node(zone).journal.iter().map(|entry| entry.outcome.clone()).collect();
            faults += outcomes.iter().filter(|outcome| outcome.call != CallOutcome::Fine).count();
            unjudged += outcomes.iter().filter(|outcome| outcome.filter != CallOutcome::Fine).count();
            swaps += outcomes.iter().filter(|outcome| outcome.swap == Some(Ok(()))).count();
            for input in town.node(zone).journal.iter().flat_map(|entry| &entry.inputs) {
                match input {
                    Input::Border(frame) => ghosts += frame.enter.len(),
                    Input::Stream(part) => {
                        told += part.items.iter().filter(|(_, item)| matches!(item, ZoneItem::Told { .. })).count();
                    }
                    _ => {}
                }
            }
            refused += outcomes.iter().filter(|outcome| matches!(outcome.swap, Some(Err(_)))).count();
        }
    }
    let counts = [crossings, faults, swaps, resumes, refused, ghosts, told, unjudged];
    let names = "crossings, faults, swaps, resumes, refused, ghosts, told over a border, not judged";
    assert!(counts.iter().all(|count| *count > 5), "{names}: {counts:?}");
}
