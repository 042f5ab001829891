//! Once everybody stands still, each client's roster is the true neighbourhood, within the hysteresis of coming and going.

use wod_protocol::client::{Kind, RosterEntry};
use wod_protocol::ids::EntityId;
use wod_protocol::world::World;

use crate::player::{Player, Sight};

/// How far two accounts of one place may differ, metres.
const SLACK: f64 = 0.1;

/// Compares every player's roster with where the others say they are.
pub(crate) fn check(world: &World, players: &[Player], faults: &mut Vec<String>) {
    for player in players {
        let Some(sight) = &player.sight else {
            faults.push(format!("{} is not in the world", player.name));
            continue;
        };
        for other in players.iter().filter(|other| other.name != player.name) {
            if let Some(theirs) = &other.sight {
                compare(world, player, sight, &other.name, theirs, faults);
            }
        }
        compare_box(world, player, sight, faults);
        let known =
            |id: &EntityId| players.iter().any(|other| other.sight.as_ref().is_some_and(|sight| sight.you == *id));
        for entry in sight.roster.values().filter(|entry| entry.kind == Kind::Player && !known(&entry.id)) {
            faults.push(format!("{} sees {} ({}), who is nobody", player.name, entry.name, entry.id));
        }
    }
}

fn compare(world: &World, player: &Player, sight: &Sight, name: &str, theirs: &Sight, faults: &mut Vec<String>) {
    let entry = sight.roster.get(&theirs.you);
    let together = sight.zone.zone == theirs.zone.zone;
    let distance = (sight.at.0 - theirs.at.0).hypot(sight.at.1 - theirs.at.1);
    let seen = |entry: &RosterEntry| (entry.x - theirs.at.0).hypot(entry.y - theirs.at.1) <= SLACK;
    let ranges = &world.ranges;
    match entry {
        Some(entry) if entry.ghost && (together || distance > ranges.roster_leave + SLACK || !seen(entry)) => {
            faults.push(format!(
                "{} sees a ghost of {name} at {:?}, who is at {:?}",
                player.name,
                (entry.x, entry.y),
                theirs.at
            ));
        }
        Some(entry) if entry.ghost => {}
        Some(entry) => {
            if !together || distance > ranges.roster_leave + SLACK {
                faults.push(format!("{} still sees {name}, {distance:.1} m off in {}", player.name, theirs.zone.zone));
            } else if !seen(entry) {
                faults.push(format!(
                    "{} sees {name} at {:?}, who is at {:?}",
                    player.name,
                    (entry.x, entry.y),
                    theirs.at
                ));
            }
        }
        // Over a border she is seen as a ghost.
        None if sight.zone.region == theirs.zone.region && distance < ranges.roster_enter - SLACK => {
            faults.push(format!("{} does not see {name}, {distance:.1} m off", player.name));
        }
        None => {}
    }
}

fn compare_box(world: &World, player: &Player, sight: &Sight, faults: &mut Vec<String>) {
    let [x0, y0, x1, y1] = sight.zone.bounds;
    let distance = ((x0 + x1) / 2.0 - sight.at.0).hypot((y0 + y1) / 2.0 - sight.at.1);
    let boxes = sight.roster.values().filter(|entry| entry.kind == Kind::Object && !entry.ghost).count();
    let right = match boxes {
        0 => distance > world.ranges.roster_enter - SLACK,
        1 => distance < world.ranges.roster_leave + SLACK,
        _ => false,
    };
    if !right {
        faults.push(format!("{} sees {boxes} boxes, {distance:.1} m from where one stands", player.name));
    }
}
