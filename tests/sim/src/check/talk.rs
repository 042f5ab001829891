//! Once all is quiet: what was said was heard, once and in order.

use std::collections::BTreeMap;
use std::time::Duration;

use wod_protocol::client::ChatMode;

use crate::player::{Fate, Line, Player};

/// What is said while its speaker or its hearer crosses may be heard after the speaker's next line (DISTRIBUTED.md, "Known"). How
/// long before it was said a crossing may have been whose news is still under way, and how long after it was heard one may begin
/// to be noticed.
const CROSSING: Duration = Duration::from_secs(5);

/// Checks all that players said and heard.
pub(crate) fn check(players: &[Player], faults: &mut Vec<String>) {
    let by_name: BTreeMap<&str, &Player> = players.iter().map(|player| (player.name.as_str(), player)).collect();
    for player in players {
        for (number, line) in &player.talk.said {
            said(player, *number, line, &by_name, faults);
        }
        heard_in_order(player, &by_name, faults);
    }
}

/// A line that was acked and not refused has taken effect: its speaker has heard it herself, and whom she whispered to has.
fn said(player: &Player, number: u32, line: &Line, by_name: &BTreeMap<&str, &Player>, faults: &mut Vec<String>) {
    let text = format!("{} {number}", player.name);
    if matches!(line.fate, Fate::Done(_)) && !line.echoed {
        faults.push(format!("{} was acked \"{text}\" and did not hear it herself", player.name));
    }
    let Some(friend) = line.to.as_deref().and_then(|to| by_name.get(to)) else { return };
    // What had not reached her when she left the world is void.
    let stayed = friend.talk.since < line.at;
    let heard = friend.talk.heard.iter().any(|heard| heard.line == (player.name.clone(), number));
    let wrong = match line.fate {
        Fate::Done(_) => stayed && !heard,
        Fate::Rejected => heard,
        Fate::Open | Fate::Unknown => false,
    };
    if wrong {
        faults.push(format!("whisper \"{text}\" is {:?}; {} has heard it: {heard}", line.fate, friend.name));
    }
}

/// One speaker's lines are heard in the order in which they were said.
fn heard_in_order(player: &Player, by_name: &BTreeMap<&str, &Player>, faults: &mut Vec<String>) {
    let heard: Vec<_> = player.talk.heard.iter().filter(|heard| heard.mode == ChatMode::Say).collect();
    for (index, late) in heard.iter().enumerate() {
        let (name, number) = &late.line;
        let mut earlier = heard[..index].iter().filter(|other| other.line.0 == *name && other.line.1 > *number);
        let Some(overtaker) = earlier.next_back() else { continue };
        let Some(speaker) = by_name.get(name.as_str()) else { continue };
        let Some(line) = speaker.talk.said.get(number) else { continue };
        let mut crossings = player.talk.crossings.iter().chain(&speaker.talk.crossings);
        let crossed = crossings.any(|at| *at + CROSSING > line.at && *at < late.at + CROSSING);
        // A session that takes over is told again what the one before had not acked.
        let renewed = player.talk.since > line.at;
        if !crossed && !renewed {
            faults.push(format!(
                "{} heard \"{name} {number}\" at {:?}, after \"{name} {}\"",
                player.name, late.at, overtaker.line.1
            ));
        }
    }
}
