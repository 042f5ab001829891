//! [`export!`](crate::export) and the log macros.

/// Makes a [`Zone`](crate::Zone) the module's: one line, at the top level of the crate. Natively it does nothing. A zone that
/// judges what players say ([`Zone::CHAT_FILTER`](crate::Zone::CHAT_FILTER)) names that ability.
///
/// ```
/// # use wod_zone::{Ctx, Result, Zone};
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Alley;
///
/// impl Zone for Alley {
///     # const NAME: &'static str = "alley";
///     # type Timer = ();
///     # type Player = ();
///     # fn open(_: &mut Ctx<Self>) -> Result<Self> { Ok(Self) }
///     // …
/// }
///
/// wod_zone::export!(Alley);
/// # fn main() {}
/// ```
///
/// ```
/// # use wod_zone::{Ctx, Result, Zone};
/// # #[derive(serde::Serialize, serde::Deserialize)]
/// # struct Chapel;
/// impl Zone for Chapel {
///     const CHAT_FILTER: bool = true;
///     # const NAME: &'static str = "chapel";
///     # type Timer = ();
///     # type Player = ();
///     # fn open(_: &mut Ctx<Self>) -> Result<Self> { Ok(Self) }
///     // …
/// }
///
/// wod_zone::export!(Chapel, chat_filter);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! export {
    ($zone:ty) => {
        const _: () = ::std::assert!(
            !<$zone as $crate::Zone>::CHAT_FILTER,
            "a zone with CHAT_FILTER is exported by `export!(TheZone, chat_filter)`"
        );
        $crate::export_zone!($zone,);
    };
    ($zone:ty, chat_filter) => {
        const _: () = ::std::assert!(
            <$zone as $crate::Zone>::CHAT_FILTER,
            "a zone exported with `chat_filter` has `const CHAT_FILTER: bool = true`"
        );
        $crate::export_zone!($zone, $crate::wasm::export_chat_filter!(Component with_types_in $crate::wasm::chat_filter););
    };
}

/// The component's exports: those of every zone, and those of its abilities.
#[doc(hidden)]
#[macro_export]
macro_rules! export_zone {
    ($zone:ty, $($abilities:tt)*) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            ::std::thread_local! {
                static RUNTIME: ::std::cell::RefCell<$crate::Runtime<$zone>> =
                    ::std::cell::RefCell::new($crate::Runtime::new());
            }
            struct Exported;
            impl $crate::wasm::Exported for Exported {
                type Zone = $zone;
                fn with<R>(call: impl FnOnce(&mut $crate::Runtime<$zone>) -> R) -> R {
                    RUNTIME.with_borrow_mut(call)
                }
            }
            type Component = $crate::wasm::Component<Exported>;
            $crate::wasm::export_component!(Component with_types_in $crate::wasm::bindings);
            $($abilities)*
        };
    };
}

/// Writes a line to the zone's log at level `info`: fields first, then a text as in `format!`.
///
/// ```
/// # use wod_zone::{Ctx, Player, Zone};
/// fn welcome<Z: Zone>(ctx: &mut Ctx<Z>, player: Player, visits: u32) {
///     wod_zone::info!(ctx, player = player, visits = visits, "welcome number {visits}");
/// }
/// ```
#[macro_export]
macro_rules! info {
    ($ctx:expr, $($rest:tt)+) => { $crate::log_line!($crate::LogLevel::Info, $ctx, $($rest)+) };
}

/// As [`info!`](crate::info!), at level `warn`.
///
/// ```
/// # use wod_zone::{Ctx, Player, Zone};
/// fn odd<Z: Zone>(ctx: &mut Ctx<Z>, player: Player, item: &str) {
///     wod_zone::warn!(ctx, player = player, "asks for `{item}`, which nobody sells");
/// }
/// ```
#[macro_export]
macro_rules! warn {
    ($ctx:expr, $($rest:tt)+) => { $crate::log_line!($crate::LogLevel::Warn, $ctx, $($rest)+) };
}

/// As [`info!`](crate::info!), at level `error`.
///
/// ```
/// # use wod_zone::{Ctx, Zone};
/// fn broken<Z: Zone>(ctx: &mut Ctx<Z>, coins: u64) {
///     wod_zone::error!(ctx, coins = coins, "the till holds more than was ever paid in");
/// }
/// ```
#[macro_export]
macro_rules! error {
    ($ctx:expr, $($rest:tt)+) => { $crate::log_line!($crate::LogLevel::Error, $ctx, $($rest)+) };
}

/// As [`info!`](crate::info!), at level `debug`.
///
/// ```
/// # use wod_zone::{Ctx, Npc, Zone};
/// fn thinks<Z: Zone>(ctx: &mut Ctx<Z>, npc: Npc, hunger: f32) {
///     wod_zone::debug!(ctx, npc = npc, "hunger is {hunger:.2}");
/// }
/// ```
#[macro_export]
macro_rules! debug {
    ($ctx:expr, $($rest:tt)+) => { $crate::log_line!($crate::LogLevel::Debug, $ctx, $($rest)+) };
}

#[doc(hidden)]
#[macro_export]
macro_rules! log_line {
    ($level:expr, $ctx:expr, $($field:ident = $value:expr,)* $text:literal $($args:tt)*) => {
        $ctx.log(
            $level,
            ::std::format!($text $($args)*),
            &[$((::std::stringify!($field), &$value as &dyn ::std::fmt::Display)),*],
        )
    };
}
