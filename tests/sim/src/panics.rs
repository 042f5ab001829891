//! Panics in simulated processes: the runtimes catch them, but none may happen.

use std::cell::RefCell;
use std::sync::Once;

thread_local! {
    /// On this thread since the last look; none: nobody watches.
    static SEEN: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

static HOOK: Once = Once::new();

/// From now on this thread's panics are kept.
pub(crate) fn watch() {
    HOOK.call_once(|| {
        let others = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let kept = SEEN.with_borrow_mut(|seen| seen.as_mut().map(|seen| seen.push(format!("a panic: {info}"))));
            if kept.is_none() {
                others(info);
            }
        }));
    });
    SEEN.set(Some(Vec::new()));
}

/// Those since then; no more are kept.
pub(crate) fn take() -> Vec<String> {
    SEEN.take().unwrap_or_default()
}
