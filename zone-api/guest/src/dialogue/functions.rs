//! Functions that every dialogue has: those of Yarn Spinner's standard library, and its operators by the names that its
//! compiler gives them. <https://docs.yarnspinner.dev/yarn-spinner-scripting-language/functions>

use super::book::Value;
use super::talk::Teller;
use crate::error::Result;

/// What the counter of a node's visits is called, as Yarn's compiler has it.
///
/// ```
/// use wod_zone::dialogue::{Value, visits};
/// use wod_zone::{Ctx, Player, Zone};
/// /// How often she has been through this node, as `visited_count("Confession")` says in Yarn.
/// fn confessions<Z: Zone>(ctx: &mut Ctx<Z>, player: Player) -> f32 {
///     match ctx.variable(player, &visits("Confession")) {
///         Some(Value::Number(count)) => count,
///         _ => 0.0,
///     }
/// }
/// ```
pub fn visits(node: &str) -> String {
    format!("$Yarn.Internal.Visiting.{node}")
}

/// Calls a function of every dialogue; none: there is none of this name for values of these kinds.
pub(super) fn call(teller: &mut dyn Teller, name: &str, values: &[Value]) -> Result<Option<Value>> {
    use Value::{Flag, Number, Text};
    let value = match (name, values) {
        ("Number.EqualTo" | "String.EqualTo" | "Bool.EqualTo", [a, b]) => Flag(a == b),
        ("Number.NotEqualTo" | "String.NotEqualTo" | "Bool.NotEqualTo", [a, b]) => Flag(a != b),
        ("Number.Add", [Number(a), Number(b)]) => Number(a + b),
        ("Number.Subtract", [Number(a), Number(b)]) => Number(a - b),
        ("Number.Multiply", [Number(a), Number(b)]) => Number(a * b),
        ("Number.Divide", [Number(a), Number(b)]) => Number(a / b),
        ("Number.Modulo", [Number(a), Number(b)]) => Number(a % b),
        ("Number.UnarySubtract", [Number(a)]) => Number(-a),
        ("Number.GreaterThan", [Number(a), Number(b)]) => Flag(a > b),
        ("Number.GreaterThanOrEqualTo", [Number(a), Number(b)]) => Flag(a >= b),
        ("Number.LessThan", [Number(a), Number(b)]) => Flag(a < b),
        ("Number.LessThanOrEqualTo", [Number(a), Number(b)]) => Flag(a <= b),
        ("String.Add", [a, b]) => Text(format!("{a}{b}")),
        ("Bool.And", [Flag(a), Flag(b)]) => Flag(*a && *b),
        ("Bool.Or", [Flag(a), Flag(b)]) => Flag(*a || *b),
        ("Bool.Xor", [Flag(a), Flag(b)]) => Flag(a != b),
        ("Bool.Not", [Flag(a)]) => Flag(!a),
        ("visited", [Text(node)]) => Flag(count_of(teller, node) > 0.0),
        ("visited_count", [Text(node)]) => Number(count_of(teller, node)),
        ("random", []) => Number(share(teller)),
        ("random_range", [Number(low), Number(high)]) => Number(low + whole_below(teller, high - low + 1.0)),
        ("dice", [Number(sides)]) => Number(1.0 + whole_below(teller, *sides)),
        ("round", [Number(a)]) => Number(a.round()),
        ("round_places", [Number(a), Number(places)]) => {
            // Yarn's own rounds by a power of ten too; multiplied out, for `powi` is not the same on every machine.
            let ten_to = (0..(*places as u32).min(9)).fold(1.0, |power: f32, _| power * 10.0);
            Number((a * ten_to).round() / ten_to)
        }
        ("floor", [Number(a)]) => Number(a.floor()),
        ("ceil", [Number(a)]) => Number(a.ceil()),
        ("inc", [Number(a)]) => Number(a.floor() + 1.0),
        ("dec", [Number(a)]) => Number(a.ceil() - 1.0),
        ("decimal", [Number(a)]) => Number(a.fract()),
        ("int", [Number(a)]) => Number(a.trunc()),
        ("string", [a]) => Text(a.to_string()),
        ("number", [Number(a)]) => Number(*a),
        ("number", [Flag(a)]) => Number(f32::from(u8::from(*a))),
        ("number", [Text(a)]) => match a.trim().parse() {
            Ok(number) => Number(number),
            Err(_) => return Err(format!("`{a}` is no number").into()),
        },
        ("bool", [Flag(a)]) => Flag(*a),
        ("bool", [Number(a)]) => Flag(*a != 0.0),
        ("bool", [Text(a)]) => match a.trim() {
            "true" => Flag(true),
            "false" => Flag(false),
            other => return Err(format!("`{other}` is neither true nor false").into()),
        },
        _ => return Ok(None),
    };
    Ok(Some(value))
}

fn count_of(teller: &mut dyn Teller, node: &str) -> f32 {
    match teller.variable(&visits(node)) {
        Some(Value::Number(count)) => count,
        _ => 0.0,
    }
}

/// From 0 to below 1, of 24 random bits.
fn share(teller: &mut dyn Teller) -> f32 {
    (teller.random() >> 40) as f32 / (1_u32 << 24) as f32
}

/// A whole number from 0 to below `count`; 0 when that is less than 1.
fn whole_below(teller: &mut dyn Teller, count: f32) -> f32 {
    (teller.random() % (count as u64).max(1)) as f32
}
