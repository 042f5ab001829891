//! The second edition: schema 2, which reads schema 1.

use ledger::{Edition, Ledger};
use wod_zone::{Npc, Result, Setting, decode};

#[derive(Default, serde::Serialize, serde::Deserialize)]
struct Two {
    sealed: bool,
}

/// Of schema 1.
#[derive(serde::Deserialize)]
struct Book {
    clerk: Npc,
    signatures: u32,
}

impl Edition for Two {
    const SCHEMA: u32 = 2;
    const VERBS: &'static [&'static str] = &["sign", "seal"];
    const CONFIG: &'static [Setting] = &[
        Setting::number("fee", "What a signature costs.", 5.0),
        Setting::text("motto", "What stands on the cover.", ""),
    ];

    fn migrate(schema: u32, bytes: &[u8]) -> Result<Ledger<Self>> {
        match schema {
            1 => decode(bytes).map(|Book { clerk, signatures }| Ledger { clerk, signatures, edition: Self::default() }),
            other => Err(format!("no way from schema {other}").into()),
        }
    }
}

wod_zone::export!(Ledger<Two>);
