//! Messages between processes are changed on their way, for a test of the checks.

use wod_backplane::simulated::Simulation;
use wod_protocol::bus::{Envelope, Part, ZoneItem};
use wod_protocol::ids::{EntityId, Hop};

use crate::Planted;

/// From now on.
pub(crate) fn begin(simulation: &Simulation, planted: Planted) {
    let change = match planted {
        Planted::WhisperLost => |items: &mut Vec<_>| lose(items),
        Planted::WhisperDoubled => double,
        _ => return,
    };
    simulation.tamper(Box::new(move |bytes| {
        let mut envelope = Envelope::decode(bytes).ok()?;
        let streams = envelope.parts.iter_mut().filter_map(|part| match part {
            Part::Stream(stream) => Some(&mut stream.items),
            _ => None,
        });
        // Every stream's, so no shortcut.
        let changed = streams.map(change).filter(|changed| *changed).count() > 0;
        changed.then(|| envelope.encode().expect("it is hardly longer than it was"))
    }));
}

/// Something that means nothing takes the whisper's place.
fn lose(items: &mut [(u64, ZoneItem)]) -> bool {
    let mut changed = false;
    for (_, item) in items.iter_mut().filter(|(_, item)| matches!(item, ZoneItem::Whisper { .. })) {
        *item = ZoneItem::Superseded { id: EntityId(0), hop: Hop(0) };
        changed = true;
    }
    changed
}

/// The last item, if a whisper, is also the next.
fn double(items: &mut Vec<(u64, ZoneItem)>) -> bool {
    let Some((number, whisper @ ZoneItem::Whisper { .. })) = items.last().cloned() else { return false };
    items.push((number + 1, whisper));
    true
}
