//! Which ship lies in port at which hour. Asked, never counted: it follows from the time of day.

use wod_zone::behaviour::Clock;

/// A ship's stay.
#[derive(Debug, PartialEq)]
pub(crate) struct Call {
    /// The ship.
    pub(crate) ship: &'static str,
    /// Where it goes next.
    pub(crate) bound_for: &'static str,
    /// Hours of the day, without midnight in between.
    from: f32,
    until: f32,
}

const fn call(ship: &'static str, bound_for: &'static str, from: f32, until: f32) -> Call {
    Call { ship, bound_for, from, until }
}

/// The day, in order. One berth, so one ship at a time; the way to New York is open for three hours in six.
const CALLS: [Call; 8] = [
    call("Patient Anna", "New York", 0.0, 3.0),
    call("Golden Bream", "Ensenada", 3.5, 5.5),
    call("Patient Anna", "New York", 6.0, 9.0),
    call("Blue Margaret", "Valparaíso", 9.5, 11.5),
    call("Patient Anna", "New York", 12.0, 15.0),
    call("Golden Bream", "Ensenada", 15.5, 17.5),
    call("Patient Anna", "New York", 18.0, 21.0),
    call("Blue Margaret", "Valparaíso", 21.5, 23.5),
];

/// What lies in port.
pub(crate) fn in_port(clock: &Clock, game_ms: u64) -> Option<&'static Call> {
    CALLS.iter().find(|call| clock.is_between(call.from, call.until, game_ms))
}

/// How long until something comes or goes.
pub(crate) fn until_change(clock: &Clock, game_ms: u64) -> std::time::Duration {
    let hours = CALLS.iter().flat_map(|call| [call.from, call.until]);
    hours.map(|hour| clock.until(hour, game_ms)).min().unwrap_or_default()
}

/// At which hour a ship that is not here comes next that goes there: `18:00`. None: no ship goes there.
pub(crate) fn next(clock: &Clock, game_ms: u64, bound_for: &str) -> Option<String> {
    let calls = CALLS.iter().filter(|call| call.bound_for == bound_for);
    let next = calls.min_by_key(|call| clock.until(call.from, game_ms))?;
    Some(hour(next.from))
}

/// A sentence about what lies in port.
pub(crate) fn lies_in_port(clock: &Clock, game_ms: u64) -> String {
    match in_port(clock, game_ms) {
        Some(Call { ship, bound_for, until, .. }) => {
            format!("The {ship}, bound for {bound_for}. She sails at {}.", hour(*until))
        }
        None => "Nothing but water. Between two ships it takes back the berth.".to_owned(),
    }
}

/// The whole day, a line a call; what is in port now is marked.
pub(crate) fn board(clock: &Clock, game_ms: u64) -> String {
    let now = in_port(clock, game_ms);
    let line = |call: &Call| {
        let mark = if Some(call) == now { ", in port" } else { "" };
        format!("{}-{} {}, {}{mark}", hour(call.from), hour(call.until), call.ship, call.bound_for)
    };
    let lines: Vec<String> = CALLS.iter().map(line).collect();
    format!("it is {}\n{}", hour(clock.hour(game_ms)), lines.join("\n"))
}

/// As clocks show it: `06:30`.
pub(crate) fn hour(hour: f32) -> String {
    let minutes = (hour * 60.0) as u32;
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// An hour takes a second.
    fn clock() -> Clock {
        Clock::day_of(Duration::from_secs(24))
    }

    #[test]
    fn one_ship_at_a_time_in_the_order_of_the_day() {
        for pair in CALLS.windows(2) {
            assert!(pair[0].from < pair[0].until && pair[0].until < pair[1].from, "{pair:?}");
        }
        assert!(CALLS[7].until < 24.0);
    }

    #[test]
    fn the_berth_is_taken_to_the_hour() {
        let ship = |hour: f32| in_port(&clock(), (hour * 1000.0) as u64).map(|call| call.ship);
        assert_eq!(ship(0.0), Some("Patient Anna"));
        assert_eq!(ship(3.0), None);
        assert_eq!(ship(3.5), Some("Golden Bream"));
        assert_eq!(ship(23.9), None);
        assert_eq!(until_change(&clock(), 1000), Duration::from_secs(2));
        assert_eq!(until_change(&clock(), 23_750), Duration::from_millis(250), "over midnight");
    }

    #[test]
    fn the_board_reads_as_clocks_do() {
        assert_eq!(hour(9.5), "09:30");
        assert_eq!(next(&clock(), 4000, "New York").as_deref(), Some("06:00"));
        assert_eq!(next(&clock(), 19_000, "New York").as_deref(), Some("00:00"));
        assert_eq!(next(&clock(), 0, "Atlantis"), None);
        assert!(board(&clock(), 10_000).contains("09:30-11:30 Blue Margaret, Valparaíso, in port"));
    }
}
