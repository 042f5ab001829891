//! What a zone leaves out that is too full, on its host's word: moves are told less often, rosters show the nearest only. Time
//! dilation is the last resort, and the host's to time. Nobody is ever put out, and no command dropped.
//!
//! PROTOCOL.md's promise stands at every level: who moves is told of at least every [`RAREST`] ticks, and always where it comes
//! to rest.

use wod_protocol::bus::Moved;
use wod_protocol::client::FLAG_JUMP;
use wod_protocol::ids::{EntityId, Tick};
use wod_protocol::units::{Bounds, Fixed, Pos, UNITS_PER_METRE};

use super::Zone;
use super::scene::Scene;
use crate::io::Degradation;
use crate::space::roster::Reach;

/// Who has a player so near is not far.
const NEAR: Fixed = 8 * UNITS_PER_METRE;
/// Most entities in a roster that shows the nearest only.
const NEAREST: usize = 24;
/// The longest that a move waits, ticks.
const RAREST: u64 = 4;

impl Degradation {
    /// A roster's reach at this level.
    pub(super) fn reach(self, reach: Reach) -> Reach {
        match self {
            Self::None | Self::FarMoves => reach,
            Self::Rosters => Reach { cap: reach.cap.min(NEAREST), ..reach },
        }
    }

    /// Every how many ticks an entity's moves are told. Each divides the next, so that none waits longer when it changes.
    fn pace(self, is_far: impl FnOnce() -> bool) -> u64 {
        let of_near = match self {
            Self::None => return 1,
            Self::FarMoves => 1,
            Self::Rosters => 2,
        };
        if is_far() { RAREST } else { of_near }
    }
}

impl Zone {
    /// New positions, of those that anybody watches and whose turn it is; the others wait for theirs.
    pub(super) fn moves_to_tell(&mut self) -> Vec<Moved> {
        let (now, degradation) = (self.state.tick, self.state.degradation);
        let Self { state, turn, .. } = self;
        if degradation != Degradation::None || !state.untold_moves.is_empty() {
            for (id, flags) in &turn.moved {
                *state.untold_moves.entry(*id).or_default() |= flags;
            }
            let (scene, players) = (&state.scene, &state.players);
            let is_far = |id, at| {
                !scene.ground.grid.any_around(point(at), NEAR, |other| other != id && players.contains_key(&other))
            };
            let mut moves = Vec::new();
            state.untold_moves.retain(|id, flags| {
                let Some(moved) = watched_move(scene, *id, *flags) else { return false };
                let due = *flags & FLAG_JUMP != 0 || is_turn(now, *id, degradation.pace(|| is_far(*id, moved.at)));
                moves.extend(due.then_some(moved));
                !due
            });
            return moves;
        }
        turn.moved.iter().filter_map(|(id, flags)| watched_move(&state.scene, *id, *flags)).collect()
    }
}

fn watched_move(scene: &Scene, id: EntityId, flags: u8) -> Option<Moved> {
    let entity = scene.present(id).filter(|entity| entity.watchers > 0)?;
    Some(Moved { id, at: entity.at, heading: entity.heading, flags })
}

/// Spread over the ticks, by id.
fn is_turn(now: Tick, id: EntityId, pace: u64) -> bool {
    (now.0 + id.0).is_multiple_of(pace)
}

fn point(at: Pos) -> Bounds {
    Bounds { min: at, max: Pos { x: at.x + 1, y: at.y + 1 } }
}
