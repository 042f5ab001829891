//! `cargo xtask package`: what a machine needs to run gateways and hosts, in one folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, ensure};

use crate::{dev, paths};

/// Arguments of `cargo xtask package`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The folder to make; it must not exist, or be empty
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Take what is built already
    #[arg(long)]
    no_build: bool,
}

/// Builds in release form and copies; nothing is signed, because the key is not the builder's.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let out = std::path::absolute(&args.out)?;
    let is_free = !out.exists() || fs::read_dir(&out).is_ok_and(|mut entries| entries.next().is_none());
    ensure!(is_free, "{} is not an empty folder: choose another, or remove it", out.display());
    if !args.no_build {
        dev::build(&[])?;
    }
    let root = paths::root();
    copy(&paths::wod("release"), &out.join("bin/wod"))?;
    copy(&paths::world(), &out.join("world.toml"))?;
    copy(&root.join("DISTRIBUTED.md"), &out.join("DISTRIBUTED.md"))?;
    copy(&paths::web(), &out.join("web"))?;
    copy(&root.join("tools/deploy/systemd"), &out.join("systemd"))?;
    // A host takes modules from here by the names that the world file has; maps are inside.
    let zones = fs::read_dir(paths::zones()).context("the zones are not built: leave --no-build out")?;
    for entry in zones {
        let file = entry?.path();
        if let Some(name) = file.file_name().filter(|_| file.extension().is_some_and(|ending| ending == "wasm")) {
            copy(&file, &out.join("modules").join(name))?;
        }
    }
    let out = out.display();
    println!(
        "{out} has bin/wod, the world file, modules, the web client and systemd units. Sign the modules, then copy it to"
    );
    println!("/opt/wod of each machine (DISTRIBUTED.md, \"A worked example\"):");
    println!("    {out}/bin/wod keys new team.key     # once; keep it secret, hosts get team.key.pub");
    println!("    {out}/bin/wod keys sign --key team.key {out}/modules/*.wasm");
    Ok(ExitCode::SUCCESS)
}

/// A file, or a folder with all that is in it; programs stay executable.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    if from.is_dir() {
        for entry in fs::read_dir(from).with_context(|| format!("can't read {}", from.display()))? {
            let file = entry?.path();
            copy(&file, &to.join(file.file_name().context("a file has a name")?))?;
        }
        return Ok(());
    }
    let folder = to.parent().context("a file lies in a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("can't make the folder {}", folder.display()))?;
    fs::copy(from, to).with_context(|| format!("can't copy {} to {}", from.display(), to.display()))?;
    Ok(())
}
