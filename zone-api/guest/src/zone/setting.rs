//! [`Setting`]: what operators can set in a zone.

use crate::types::Value;

/// A setting that a zone reads.
///
/// ```
/// use wod_zone::Setting;
/// const CONFIG: &[Setting] = &[Setting::text("password", "What the doorkeeper wants to hear.", "winter")];
/// assert_eq!(CONFIG[0].name, "password");
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// What operators read about it.
    pub about: &'static str,
    /// Its value while nobody sets it; decides the type.
    pub default: SettingDefault,
}

/// A setting's default value.
///
/// ```
/// use wod_zone::{Setting, SettingDefault};
/// const CURFEW: Setting = Setting { name: "curfew", about: "Nobody is served after it.", default: SettingDefault::Int(23) };
/// assert_eq!(CURFEW, Setting::int("curfew", "Nobody is served after it.", 23));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SettingDefault {
    /// Yes or no.
    Flag(bool),
    /// A whole number.
    Int(i64),
    /// Any number.
    Number(f64),
    /// A text.
    Text(&'static str),
}

impl Setting {
    /// A yes or no.
    ///
    /// ```
    /// use wod_zone::{Ctx, Setting, Zone};
    /// const CONFIG: &[Setting] = &[Setting::flag("masks", "Whether guests must wear a mask.", false)];
    /// fn may_enter<Z: Zone>(ctx: &Ctx<Z>, masked: bool) -> bool {
    ///     masked || !ctx.config_flag("masks")
    /// }
    /// ```
    pub const fn flag(name: &'static str, about: &'static str, default: bool) -> Self {
        Self { name, about, default: SettingDefault::Flag(default) }
    }

    /// A whole number.
    ///
    /// ```
    /// use wod_zone::{Ctx, Setting, Zone};
    /// const CONFIG: &[Setting] = &[Setting::int("guests", "Most guests of an evening.", 40)];
    /// fn is_full<Z: Zone>(ctx: &Ctx<Z>) -> bool {
    ///     ctx.players().count() as f64 >= ctx.config_number("guests")
    /// }
    /// ```
    pub const fn int(name: &'static str, about: &'static str, default: i64) -> Self {
        Self { name, about, default: SettingDefault::Int(default) }
    }

    /// Any number.
    ///
    /// ```
    /// use wod_zone::{Setting, SettingDefault};
    /// const RAIN: Setting = Setting::number("rain", "How hard it rains, 0 to 1.", 0.3);
    /// assert_eq!(RAIN.default, SettingDefault::Number(0.3));
    /// ```
    pub const fn number(name: &'static str, about: &'static str, default: f64) -> Self {
        Self { name, about, default: SettingDefault::Number(default) }
    }

    /// A text.
    ///
    /// ```
    /// use wod_zone::{Ctx, Setting, Zone};
    /// const CONFIG: &[Setting] = &[Setting::text("password", "What the doorkeeper wants to hear.", "winter")];
    /// fn is_password<Z: Zone>(ctx: &Ctx<Z>, said: &str) -> bool {
    ///     said.eq_ignore_ascii_case(ctx.config_text("password"))
    /// }
    /// ```
    pub const fn text(name: &'static str, about: &'static str, default: &'static str) -> Self {
        Self { name, about, default: SettingDefault::Text(default) }
    }
}

impl From<SettingDefault> for Value {
    fn from(default: SettingDefault) -> Self {
        match default {
            SettingDefault::Flag(flag) => Self::Flag(flag),
            SettingDefault::Int(int) => Self::Int(int),
            SettingDefault::Number(number) => Self::Number(number),
            SettingDefault::Text(text) => Self::Text(text.to_owned()),
        }
    }
}
