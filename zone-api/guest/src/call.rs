//! What holds for one call of the module alone. Never saved.

use std::collections::BTreeMap;

use crate::handle::Player;
use crate::types::Event;
use crate::verbs::{Deed, Interruption};

/// The host tells so many events in one call; the others wait for the next.
const EVENTS_PER_CALL: usize = 4096;

/// What the SDK knows of the call that is being handled.
#[derive(Debug, Default)]
pub(crate) struct Call {
    /// Players of whose going an event still to be handled tells, and how many such events: the host has let them go already, with what
    /// was saved for them until then.
    leaving: BTreeMap<Player, u32>,
    /// More may wait for the next call, and nobody knows of whose going they tell.
    cut: bool,
    /// Goods have changed hands: from here on the call counts whole or not at all.
    pub(crate) goods_moved: bool,
    /// What came to nothing while an event was handled: the zone is told at its end.
    pub(crate) interrupted: Vec<(Deed, Interruption)>,
}

impl Call {
    /// Of a call with these events.
    pub(crate) fn of(events: &[Event]) -> Self {
        let mut call = Self { cut: events.len() >= EVENTS_PER_CALL, ..Self::default() };
        for event in events {
            if let Event::Left { player, .. } = event {
                *call.leaving.entry(Player(player.0)).or_default() += 1;
            }
        }
        call
    }

    /// Whether an event still to be handled tells, or may tell, that she went.
    pub(crate) fn is_leaving(&self, player: Player) -> bool {
        self.cut || self.leaving.contains_key(&player)
    }

    /// The event that tells that she went is handled.
    pub(crate) fn has_left(&mut self, player: Player) {
        if let Some(count) = self.leaving.get_mut(&player) {
            *count -= 1;
            if *count == 0 {
                self.leaving.remove(&player);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handle::EntityId;
    use crate::types::LeaveReason;

    #[test]
    fn who_goes_comes_and_goes_again_is_leaving_until_the_last_of_it() {
        let left = || Event::Left { player: EntityId(7), reason: LeaveReason::Crossing };
        let mut call = Call::of(&[left(), Event::Timer(crate::handle::Token(1)), left()]);
        assert!(call.is_leaving(Player(7)) && !call.is_leaving(Player(8)));
        call.has_left(Player(7));
        assert!(call.is_leaving(Player(7)));
        call.has_left(Player(7));
        assert!(!call.is_leaving(Player(7)));
        call.has_left(Player(7));
    }

    #[test]
    fn in_a_call_that_may_not_be_all_anybody_may_be_leaving() {
        let timer = || Event::Timer(crate::handle::Token(1));
        let events: Vec<Event> = std::iter::repeat_with(timer).take(EVENTS_PER_CALL).collect();
        assert!(Call::of(&events).is_leaving(Player(7)));
        assert!(!Call::of(&events[1..]).is_leaving(Player(7)));
    }
}
