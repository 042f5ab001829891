//! `cargo xtask tidy`: the rules of the house, each fault named with its mend.

mod dependencies;
mod examples;
mod files;
mod readme;
mod table;

use std::process::ExitCode;

use anyhow::bail;

/// `cargo xtask tidy`.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    check()?;
    println!("the house is tidy");
    Ok(ExitCode::SUCCESS)
}

/// Prints every fault; an error when there is one.
pub(crate) fn check() -> anyhow::Result<()> {
    let mut faults = dependencies::check()?;
    faults.extend(files::check()?);
    faults.extend(readme::check()?);
    faults.extend(examples::check()?);
    for fault in &faults {
        println!("  {fault}");
    }
    if !faults.is_empty() {
        bail!("{} rule(s) of the house are broken", faults.len());
    }
    Ok(())
}
