//! `wod dev --watch`: zones are built as soon as a file of theirs is saved, and what changed is swapped into the running world.
//!
//! [`Watch`] is told of files by the system, runs `wod zone build` for them, and asks this process's own admin API for the swap,
//! as an author would by hand. What goes wrong is told on the terminal and, as the notice, on the page; the old logic goes on.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use notify::event::ModifyKind;
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};
use wod_protocol::ids::Digest;
use wod_protocol::world::World;

use crate::admin::Server;
use crate::commands::swap::{Swapped, swap};
use crate::config::Settings;
use crate::exit::{Exit, Failure};
use crate::output;

/// A save is over when nothing changed for this long: editors write in several steps, and often several files.
const SETTLE: Duration = Duration::from_millis(100);
/// Changes that never pause are built after this time.
const SETTLE_MOST: Duration = Duration::from_secs(2);
/// A zone that nobody runs (yet) is asked again this often, and as long as this after a build.
const ASK_AGAIN: Duration = Duration::from_millis(500);
const ASK_MOST: Duration = Duration::from_secs(20);
/// Most that the page is told, bytes. The beginning counts: later errors often follow from the first.
const NOTICE_BYTES: usize = 16 * 1024;
/// Most that is kept of what a build says, bytes: a notice with its colours.
const KEPT_BYTES: usize = 4 * NOTICE_BYTES;

/// What is watched.
#[derive(Debug, Clone)]
pub(crate) struct Sources {
    /// Folder of a zone crate, or of a workspace of them: what is built.
    pub(crate) dir: PathBuf,
    /// Folders of other files that go into it: maps.
    pub(crate) also: Vec<PathBuf>,
}

/// Watches a folder of zones from [`Watch::begin`] on.
pub(crate) struct Watch {
    dir: PathBuf,
    modules: PathBuf,
    world: Arc<World>,
    /// This program, by the path it was started from: the file may be replaced while it runs.
    program: PathBuf,
    /// Digest of the module of each zone, by the zone's name. What is missing here is swapped in at the next build.
    running: BTreeMap<String, String>,
    /// A change that no build has seen. However many there are, one more build sees them all.
    changed: Arc<Notify>,
    notice_tx: watch::Sender<Option<String>>,
    /// Ends the events when it is dropped.
    _watcher: RecommendedWatcher,
}

/// A line of `wod zone build --json`.
#[derive(Deserialize)]
struct Built {
    module: String,
    file: PathBuf,
    digest: String,
}

impl Watch {
    /// Begins to take notice of changes in the folders. The receiver has the notice for the page: at most [`NOTICE_BYTES`] of plain text
    /// while the last change is not in the world.
    ///
    /// # Errors
    /// When the folder is not there or can't be watched.
    pub(crate) fn begin(
        sources: &Sources,
        settings: &Settings,
        world: Arc<World>,
    ) -> Result<(Self, watch::Receiver<Option<String>>), Failure> {
        let resolve = |dir: &PathBuf| {
            dir.canonicalize().map_err(|error| {
                let error = anyhow::Error::new(error).context(format!("can't watch the folder {}", dir.display()));
                Failure::new(Exit::NotFound, error).hint("name the folder of a zone crate, or of a workspace of them")
            })
        };
        let dir = resolve(&sources.dir)?;
        let mut dirs = vec![dir.clone()];
        for also in &sources.also {
            let also = resolve(also)?;
            if !dirs.iter().any(|dir| also.starts_with(dir)) {
                dirs.push(also);
            }
        }
        let find = |folder: &Path| {
            folder.canonicalize().with_context(|| format!("can't find the folder {}", folder.display()))
        };
        let (data, modules) = (find(&settings.data)?, find(&settings.modules)?);
        let changed = Arc::new(Notify::new());
        let mut watcher = {
            let (dirs, changed, own) = (dirs.clone(), changed.clone(), [data, modules.clone()]);
            notify::recommended_watcher(move |event: notify::Result<Event>| match event {
                Ok(event) if dirs.iter().any(|dir| is_change(&event, dir, &own)) => changed.notify_one(),
                Ok(_) => {}
                Err(error) => {
                    eprintln!("error: a change of a file may go unnoticed: {error}");
                    changed.notify_one();
                }
            })
        }
        .context("can't watch files")?;
        for dir in &dirs {
            watcher
                .watch(dir, RecursiveMode::Recursive)
                .with_context(|| format!("can't watch the folder {}", dir.display()))?;
        }
        let mut running = BTreeMap::new();
        for zone in &world.zones {
            // Where a file can't be read, the host says so.
            if let Ok(component) = std::fs::read(modules.join(format!("{}.wasm", zone.module))) {
                running.insert(zone.name.to_string(), Digest::of(&component).to_string());
            }
        }
        let program = std::env::current_exe().context("can't find this program's own file")?;
        let (notice_tx, notice_rx) = watch::channel(None);
        Ok((Self { dir, modules, world, program, running, changed, notice_tx, _watcher: watcher }, notice_rx))
    }

    /// Builds and swaps after every change. Never ends; dropped, it kills the build under way.
    pub(crate) async fn run(mut self, server: &Server) {
        output::line(format_args!("Zones are built and swapped in when a file in {} is saved.", self.dir.display()));
        loop {
            self.changed.notified().await;
            let since = Instant::now();
            let settled = async { while timeout(SETTLE, self.changed.notified()).await.is_ok() {} };
            if timeout(SETTLE_MOST, settled).await.is_err() {
                tracing::debug!("files go on changing: what is there is built");
            }
            let notice = self.renew(server, since).await.err().map(|problem| shortened(&problem).to_owned());
            self.notice_tx.send_replace(notice);
        }
    }

    /// Builds the zones and swaps in what is not running; tells the terminal. The error is for the page.
    async fn renew(&mut self, server: &Server, since: Instant) -> Result<(), String> {
        output::line("a file was saved: building");
        let built = match self.build().await {
            Ok(built) => built,
            Err(problem) => {
                eprintln!("Nothing was swapped: the world goes on with the old logic.");
                return Err(problem);
            }
        };
        let mut problems = String::new();
        let mut swaps = 0;
        let deadline = Instant::now() + ASK_MOST;
        for zone in &self.world.zones {
            let name = zone.name.to_string();
            let Some(built) = built.iter().find(|built| built.module == zone.module) else { continue };
            if self.running.get(&name) == Some(&built.digest) {
                continue;
            }
            match swap_in(server, &name, &built.file, deadline).await {
                Ok(Swapped { module, generation, pause_ms, .. }) => {
                    let seconds = since.elapsed().as_secs_f64();
                    output::line(format_args!(
                        "{name} runs the new {module} (generation {generation}), {seconds:.1} s after the change; it stood still for {pause_ms:.1} ms"
                    ));
                    self.running.insert(name, built.digest.clone());
                }
                Err(failure) => {
                    let mut problem = format!("error: {name} goes on with the old {}: {failure}\n", zone.module);
                    if problem.contains("missing field") {
                        problem += "help: give a field that the old version did not save #[serde(default)]; or, where nothing of the \
                                    world is to be kept, start it anew\n";
                    }
                    eprint!("{problem}");
                    problems.push_str(&problem);
                }
            }
            swaps += 1;
        }
        if swaps == 0 {
            output::line(format_args!("built in {:.1} s: no running zone changed", since.elapsed().as_secs_f64()));
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// Runs `wod zone build` as a process of its own; what it says goes to the terminal, and is the error when it fails.
    async fn build(&self) -> Result<Vec<Built>, String> {
        let failed = |error: anyhow::Error| {
            let problem = format!("error: {error:#}\n");
            eprint!("{problem}");
            problem
        };
        let mut command = Command::new(&self.program);
        command.args(["zone", "build", "--quick", "--json", "--out"]).arg(&self.modules).arg(&self.dir);
        command.env("CARGO_TERM_QUIET", "true");
        if std::io::IsTerminal::is_terminal(&std::io::stderr()) {
            command.env("CARGO_TERM_COLOR", "always");
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let run = async {
            let mut child = command.spawn().context("can't run `wod zone build`")?;
            let mut stdout = child.stdout.take().context("its standard output is piped")?;
            let stderr = child.stderr.take().context("its standard error is piped")?;
            let mut list = Vec::new();
            let (said, read) = tokio::join!(pass_on(stderr), stdout.read_to_end(&mut list));
            read.context("can't read what was built")?;
            let status = child.wait().await.context("can't wait for `wod zone build`")?;
            anyhow::Ok((status, list, said?))
        };
        let (status, list, said) = run.await.map_err(failed)?;
        if status.success() {
            serde_json::from_slice(&list).context("can't read the list of what was built").map_err(failed)
        } else if said.is_empty() {
            Err(failed(anyhow::anyhow!("`wod zone build` ended without a word ({status})")))
        } else {
            Err(anstream::adapter::strip_str(&String::from_utf8_lossy(&said)).to_string())
        }
    }
}

/// Swaps a component file into a zone, as soon as somebody runs the zone.
async fn swap_in(server: &Server, zone: &str, file: &Path, deadline: Instant) -> Result<Swapped, Failure> {
    let component = tokio::fs::read(file).await.with_context(|| format!("can't read {}", file.display()))?;
    loop {
        match swap(server, zone, component.clone(), None).await {
            Err(failure) if failure.exit() != Exit::Refused && Instant::now() < deadline => sleep(ASK_AGAIN).await,
            outcome => return outcome,
        }
    }
}

/// Copies everything to standard error; answers the beginning of it.
async fn pass_on(mut from: impl AsyncRead + Unpin) -> anyhow::Result<Vec<u8>> {
    let mut kept = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = from.read(&mut buffer).await.context("can't read what the build says")?;
        if read == 0 {
            return Ok(kept);
        }
        std::io::stderr().write_all(&buffer[..read]).context("can't write to standard error")?;
        kept.extend_from_slice(&buffer[..read.min(KEPT_BYTES - kept.len())]);
    }
}

/// The first [`NOTICE_BYTES`] of a text, or less: whole lines, if there are any.
fn shortened(text: &str) -> &str {
    if text.len() <= NOTICE_BYTES {
        return text;
    }
    let beginning = &text[..text.floor_char_boundary(NOTICE_BYTES)];
    beginning.rfind('\n').map_or(beginning, |end| &beginning[..end])
}

/// Whether an event may mean that a build gives something else. `own` are folders that this process writes to.
fn is_change(event: &Event, dir: &Path, own: &[PathBuf]) -> bool {
    // Too many at once: the system has left some out.
    if event.need_rescan() {
        return true;
    }
    let touches = !matches!(event.kind, EventKind::Access(_) | EventKind::Modify(ModifyKind::Metadata(_)));
    let counts = |path: &PathBuf| {
        !own.iter().any(|folder| path.starts_with(folder)) && path.strip_prefix(dir).is_ok_and(is_source)
    };
    touches && event.paths.iter().any(counts)
}

/// Whether a path inside the watched folder is neither cargo's, npm's, hidden, nor an editor's temporary file.
fn is_source(path: &Path) -> bool {
    const TEMPORARY: [&str; 4] = ["~", "#", ".tmp", ".swp"];
    let names: Vec<_> = path.iter().map(|name| name.to_string_lossy()).collect();
    // Below `src` it is a module of that name.
    let mut above_sources = names.iter().take_while(|name| *name != "src");
    let passing = |name: &str| name.starts_with('.') || TEMPORARY.iter().any(|end| name.ends_with(end));
    !above_sources.any(|name| name == "target" || name == "node_modules") && !names.iter().any(|name| passing(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use notify::event::{AccessKind, AccessMode, CreateKind, DataChange, Flag, MetadataKind, RenameMode};

    fn event(kind: EventKind, path: &str) -> Event {
        Event::new(kind).add_path(Path::new("/zones").join(path))
    }

    #[test]
    fn what_is_saved_counts_and_what_cargo_editors_and_this_process_write_does_not() {
        let own = [PathBuf::from("/zones/data"), PathBuf::from("/zones/out")];
        let change = |path| {
            is_change(&event(EventKind::Modify(ModifyKind::Data(DataChange::Any)), path), "/zones".as_ref(), &own)
        };
        for source in
            ["elysium/src/talk.rs", "maps/elysium.tmx", "Cargo.toml", "elysium/src/target/mod.rs", "data.toml"]
        {
            assert!(change(source), "{source}");
        }
        for other in [
            "target/release/elysium.d",
            "elysium/target/CACHEDIR.TAG",
            ".git/index",
            "elysium/src/.talk.rs.swp",
            "elysium/src/talk.rs~",
            "elysium/src/#talk.rs#",
            "maps/elysium.tmx.tmp",
            "data/world/db.redb",
            "out/elysium.wasm",
            "crypt/node_modules/.package-lock.json",
            "crypt/node_modules/esbuild/package.json",
            "crypt/.wod/component.wasm",
        ] {
            assert!(!change(other), "{other}");
        }
    }

    #[test]
    fn only_what_can_change_contents_counts() {
        let change = |kind| is_change(&event(kind, "elysium/src/lib.rs"), "/zones".as_ref(), &[]);
        assert!(change(EventKind::Create(CreateKind::File)));
        // Most editors write a new file and rename it over the old one.
        assert!(change(EventKind::Modify(ModifyKind::Name(RenameMode::To))));
        assert!(change(EventKind::Remove(notify::event::RemoveKind::File)));
        // Cargo reads every source, and must not be its own reason to run again.
        assert!(!change(EventKind::Access(AccessKind::Open(AccessMode::Any))));
        assert!(!change(EventKind::Access(AccessKind::Close(AccessMode::Read))));
        assert!(!change(EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any))));
        let lost = Event::new(EventKind::Other).set_flag(Flag::Rescan);
        assert!(is_change(&lost, "/zones".as_ref(), &[]));
    }

    #[test]
    fn a_long_text_is_cut_after_a_whole_line() {
        assert_eq!(shortened("short"), "short");
        let lines = "é one line\n".repeat(NOTICE_BYTES);
        let cut = shortened(&lines);
        assert!(cut.len() <= NOTICE_BYTES && cut.ends_with("line"), "{}", cut.len());
        assert_eq!(shortened(&"é".repeat(NOTICE_BYTES)).len(), NOTICE_BYTES);
    }
}
