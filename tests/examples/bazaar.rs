//! Builds editions of the bazaar (`tests/modules/bazaar`) for whoever is not a test: `bazaar FOLDER EDITION…` writes
//! `FOLDER/EDITION.wasm`.

use std::path::PathBuf;

use anyhow::Context as _;

fn main() -> anyhow::Result<()> {
    let mut args = std::env::args_os().skip(1);
    let folder = PathBuf::from(args.next().context("usage: bazaar FOLDER EDITION…")?);
    for edition in args {
        let edition = edition.into_string().ok().context("editions have plain names")?;
        let component = wod_sandbox::testing::component("tests/modules/bazaar", &format!("examples/{edition}.wasm"));
        let file = folder.join(format!("{edition}.wasm"));
        std::fs::write(&file, component).with_context(|| format!("can't write {}", file.display()))?;
    }
    Ok(())
}
