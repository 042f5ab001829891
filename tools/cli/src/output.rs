//! What people and scripts read on standard output: a table or JSON, never a mixture.
//!
//! A reader that goes away (`wod zones | head -1`) is not an error: the process ends quietly.

use std::io::Write as _;

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

/// One line on standard output.
pub(crate) fn line(text: impl std::fmt::Display) {
    write(&format!("{text}\n"));
}

/// A value as indented JSON.
pub(crate) fn json(value: &impl Serialize) {
    write(&format!("{}\n", serde_json::to_string_pretty(value).expect("our own reports have text keys")));
}

/// A table for people: headings, then rows. An empty one says `nothing`.
pub(crate) fn table<const N: usize>(headings: [&str; N], rows: impl IntoIterator<Item = [String; N]>, nothing: &str) {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(headings).add_rows(rows);
    if table.is_empty() {
        line(nothing);
    } else {
        line(table);
    }
}

/// 1536 → `1.5 KiB`.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{count} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// 61,000 ms → `1m 1s`.
pub(crate) fn uptime(ms: u64) -> String {
    let seconds = ms / 1000;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {}s", seconds % 60),
        (0, _, _) => format!("{hours}h {minutes}m"),
        _ => format!("{days}d {hours}h"),
    }
}

fn write(text: &str) {
    if let Err(error) = std::io::stdout().lock().write_all(text.as_bytes()) {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            std::process::exit(0);
        }
        eprintln!("error: can't write to standard output: {error}");
        std::process::exit(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_read_like_people_say_them() {
        assert_eq!(bytes(12), "12 B");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(uptime(59_000), "59s");
        assert_eq!(uptime(61_000), "1m 1s");
        assert_eq!(uptime(2 * 86_400_000 + 3_600_000), "2d 1h");
    }
}
