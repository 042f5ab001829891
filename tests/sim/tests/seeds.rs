//! Two hundred lives of a small world; that the same seed is the same life; and that each check finds what it is there for.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use wod_tests_sim::{Bug, Options, Planted, run};

/// Lives that everything holds in.
fn hold(seeds: std::ops::Range<u64>) {
    for seed in seeds {
        if let Err(failure) = run(Options { seed, ..Options::default() }) {
            panic!("repeat it with: cargo xtask sim --seed {seed}\n{}", failure.faults.join("\n"));
        }
    }
}

#[test]
fn everything_holds_in_fifty_lives() {
    hold(0..50);
}

#[test]
fn everything_holds_in_fifty_more() {
    hold(50..100);
}

#[test]
fn everything_holds_in_another_fifty() {
    hold(100..150);
}

#[test]
fn everything_holds_in_the_last_fifty() {
    hold(150..200);
}

#[test]
fn the_same_seed_is_the_same_life() {
    for (seed, lossy) in (0..8).map(|seed| (seed, None)).chain((8..12).map(|seed| (seed, Some(true)))) {
        let life = || run(Options { seed, lossy, ..Options::default() });
        assert_eq!(life(), life(), "seed {seed}");
    }
    assert_ne!(run(Options { seed: 1, ..Options::default() }), run(Options { seed: 2, ..Options::default() }));
}

/// Something done wrong on purpose is found within a few lives, and called what it is.
fn is_found(planted: Planted, named: &str) {
    const LIVES: u64 = 25;
    let mut others = Vec::new();
    for seed in 0..LIVES {
        let life = run(Options { seed, planted: Some(planted), lossy: Some(false), ..Options::default() });
        others.extend(life.err().into_iter().flat_map(|failure| failure.faults));
        if others.iter().any(|fault| fault.contains(named)) {
            return;
        }
    }
    panic!("{planted:?} was not found; but:\n{}", others.join("\n"));
}

#[test]
fn a_store_that_believes_every_lease_is_found() {
    is_found(Planted::Store(Bug::LeaseNotCompared), "was written under");
}

#[test]
fn a_store_that_appends_a_repeat_twice_is_found() {
    is_found(Planted::Store(Bug::RepeatsAppended), "is of tick");
}

#[test]
fn records_that_are_not_kept_are_found() {
    is_found(Planted::Store(Bug::RecordsNotKept), "her record says");
}

#[test]
fn a_coin_made_of_nothing_is_found() {
    is_found(Planted::CoinDoubled, "is in 2 places");
}

#[test]
fn a_command_that_is_acked_and_not_applied_is_found() {
    is_found(Planted::CommandIgnored, "took effect: false");
}

#[test]
fn a_command_that_is_applied_twice_is_found() {
    is_found(Planted::CommandRepeated, "took effect twice");
}

#[test]
fn state_that_a_swap_or_a_rollback_forgets_is_found() {
    is_found(Planted::StateForgotten, "is in 0 places");
}

#[test]
fn a_whisper_that_gets_lost_is_found() {
    is_found(Planted::WhisperLost, "has heard it: false");
}

#[test]
fn a_whisper_that_comes_twice_is_found() {
    is_found(Planted::WhisperDoubled, "twice");
}

#[test]
fn lines_in_the_wrong_order_are_found() {
    is_found(Planted::LinesSwapped, ", after \"");
}

#[test]
fn a_line_that_is_acked_and_not_said_is_found() {
    is_found(Planted::LineMissed, "did not hear it herself");
}

#[test]
fn a_reliable_message_that_gets_lost_is_found() {
    is_found(Planted::FrameLost, "after reliable message");
}

#[test]
fn a_roster_that_misses_somebody_is_found() {
    is_found(Planted::RosterForgets, "does not see");
}

#[test]
fn a_world_that_does_not_come_to_rest_is_found() {
    is_found(Planted::HostsStayDead, "it is still not quiet");
}
