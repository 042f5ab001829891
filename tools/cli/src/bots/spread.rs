//! Many processes of bots, because one carries only so many sockets.

use std::process::Stdio;

use anyhow::{Context as _, bail};
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio::task::JoinSet;

use super::report::Report;

/// Files that a process needs besides its bots' sockets.
const SPARE_FILES: usize = 200;

/// How many processes this many bots need under this process's limit of open files.
pub(crate) fn processes_for(bots: usize) -> anyhow::Result<usize> {
    let limits = std::fs::read_to_string("/proc/self/limits").context("can't read /proc/self/limits")?;
    let limit = open_files(&limits).context("/proc/self/limits does not tell the limit of open files")?;
    let room = limit.saturating_sub(SPARE_FILES);
    if room == 0 {
        bail!("a process may open only {limit} files: raise it with `ulimit -n 20000`");
    }
    Ok(bots.div_ceil(room).max(1))
}

/// The soft limit in the line `Max open files  20000  20000  files`.
fn open_files(limits: &str) -> Option<usize> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(usize::MAX),
        number => number.parse().ok(),
    }
}

/// Runs one process for each of these argument lists and adds up their reports.
///
/// Ctrl-C reaches the children by themselves, as members of the terminal's process group; this process waits for their reports.
pub(crate) async fn run_spread(children: Vec<Vec<String>>) -> anyhow::Result<Report> {
    let program = std::env::current_exe().context("can't find this program's own file")?;
    let mut running = JoinSet::new();
    for arguments in children {
        let mut child = Command::new(&program)
            .args(&arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("can't start a process of bots")?;
        running.spawn(async move {
            let mut text = String::new();
            let mut stdout = child.stdout.take().context("its standard output is piped")?;
            stdout.read_to_string(&mut text).await.context("can't read its report")?;
            let status = child.wait().await.context("can't wait for it")?;
            serde_json::from_str::<Report>(&text).with_context(|| format!("it ended with {status} and no report"))
        });
    }
    let mut report = Report::default();
    loop {
        tokio::select! {
            ended = running.join_next() => match ended {
                Some(child) => report.merge(child.context("its reader failed")?.context("a process of bots")?),
                None => return Ok(report),
            },
            // The children have heard it too and are about to report.
            _ = tokio::signal::ctrl_c() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_of_open_files_is_read() {
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files            20000                20000                files     \n";
        assert_eq!(open_files(limits), Some(20_000));
        assert_eq!(open_files("Max cpu time unlimited"), None);
    }
}
