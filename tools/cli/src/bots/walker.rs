//! One bot's feet: from where it stands to where it wants to be, at a legal speed, clear of walls.

use std::sync::Arc;

use super::clock::Dice;
use super::ground::{Cell, Field, Ground, Spot, distance};

/// Walks over a zone's ground, in metres relative to the zone's south-west corner.
pub(super) struct Walker {
    ground: Arc<Ground>,
    at: Spot,
    /// The cell it is walking to, or stands on.
    cell: Cell,
    aim: Aim,
}

enum Aim {
    /// Along a way to a cell, then straight on to a point, where given.
    Goal { field: Arc<Field>, beyond: Option<Spot> },
    /// Straight to a point off the grid.
    Straight(Spot),
    /// To and fro around a cell.
    Wander { around: Cell, radius: f64, step: (f64, f64) },
}

impl Walker {
    /// At this point; none when it is walled in.
    pub(super) fn new(ground: Arc<Ground>, at: Spot) -> Option<Self> {
        let cell = ground.enter(at)?;
        let aim = Aim::Wander { around: cell, radius: 3.0, step: (0.0, 0.0) };
        Some(Self { ground, at, cell, aim })
    }

    /// To a cell, and then straight to a point beyond.
    pub(super) fn go(&mut self, goal: Cell, beyond: Option<Spot>) {
        self.aim = Aim::Goal { field: self.ground.field(goal), beyond };
    }

    /// To and fro within `radius` metres of where it stands, or of a cell.
    pub(super) fn wander(&mut self, around: Option<Cell>, radius: f64) {
        self.aim = Aim::Wander { around: around.unwrap_or(self.cell), radius, step: (0.0, 0.0) };
    }

    /// Whether it only wanders: what it was sent to do is done, or can't be done.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.aim, Aim::Wander { .. })
    }

    /// Walks that many metres and says where it is then.
    pub(super) fn walk(&mut self, metres: f64, dice: &mut Dice) -> Spot {
        let mut left = metres;
        // A step is shorter than a few cells; the bound is for standing still on the goal.
        for _ in 0..8 {
            let target = match self.aim {
                Aim::Straight(point) => point,
                _ => self.ground.centre(self.cell),
            };
            let away = distance(self.at, target);
            if away > left {
                let part = left / away;
                self.at = [self.at[0] + (target[0] - self.at[0]) * part, self.at[1] + (target[1] - self.at[1]) * part];
                break;
            }
            self.at = target;
            left -= away;
            if !self.next_cell(dice) {
                break;
            }
        }
        self.at
    }

    /// At a cell's centre: what next. False: stays here for now.
    fn next_cell(&mut self, dice: &mut Dice) -> bool {
        match &mut self.aim {
            Aim::Straight(_) => {
                self.wander(None, 0.0);
                false
            }
            Aim::Goal { field, beyond } => match (field.next(self.cell), *beyond) {
                (Some(next), _) => {
                    self.cell = next;
                    true
                }
                (None, Some(point)) => {
                    self.aim = Aim::Straight(point);
                    true
                }
                (None, None) => {
                    self.wander(None, 3.0);
                    false
                }
            },
            Aim::Wander { around, radius, step } => {
                let (here, centre) = (self.ground.centre(self.cell), self.ground.centre(*around));
                let allowed = |cell: &Cell| distance(self.ground.centre(*cell), centre) <= *radius;
                let choices: Vec<Cell> = self.ground.neighbours(self.cell).filter(allowed).collect();
                let ahead = [here[0] + step.0, here[1] + step.1];
                let straight_on = choices.iter().find(|cell| distance(self.ground.centre(**cell), ahead) < 0.01);
                let Some(next) = straight_on.or_else(|| choices.get(dice.below(choices.len()))).copied() else {
                    return false;
                };
                let to = self.ground.centre(next);
                *step = (to[0] - here[0], to[1] - here[1]);
                self.cell = next;
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;
    use crate::bots::ground::LEG;
    use wod_protocol::map::{Map, Shape};

    #[test]
    fn no_step_touches_a_wall_even_when_it_cuts_a_corner() {
        let mut map = Map::empty(30.0, 30.0);
        for (index, x) in (3..27).step_by(3).enumerate() {
            let (low, high) = if index % 2 == 0 { (0.0, 27.0) } else { (3.0, 30.0) };
            map.walls.push(Shape { points: vec![[f64::from(x), low], [f64::from(x), high]], closed: false });
        }
        let ground = Arc::new(Ground::new(map));
        let mut walker = Walker::new(ground.clone(), [1.0, 1.0]).unwrap();
        let goal = ground.enter([29.0, 1.0]).unwrap();
        walker.go(goal, None);
        let mut dice = Dice::new(1);
        let mut at = [1.0, 1.0];
        let mut steps = 0;
        while !walker.is_idle() {
            let next = walker.walk(LEG, &mut dice);
            assert!(ground.leg_is_free(at, next), "{at:?} to {next:?}");
            assert!(distance(at, next) <= LEG + 1e-9);
            at = next;
            steps += 1;
            assert!(steps < 2000, "it arrives");
        }
        assert!(distance(at, ground.centre(goal)) < 1.0);
        for _ in 0..500 {
            let next = walker.walk(LEG, &mut dice);
            assert!(ground.leg_is_free(at, next) && distance(next, ground.centre(goal)) < 4.0);
            at = next;
        }
    }
}
