//! The author's kit as it is typed, by somebody who has nothing but this program, the repository's SDK and an empty folder.

#![allow(clippy::unwrap_used, reason = "in tests a failed expectation is a failed test")]

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// A build on two busy cores.
const BUILD: Duration = Duration::from_secs(180);

/// A folder of zones with a new one, `docks`, in it. One at a time, whichever processes the tests run in, and always the same
/// folder: what cargo has compiled serves the next one too.
struct Stranger {
    folder: PathBuf,
    /// Locked.
    _alone: File,
}

impl Stranger {
    fn new() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("stranger");
        let alone = File::create(folder.with_extension("lock")).unwrap();
        alone.lock().unwrap();
        if folder.exists() {
            std::fs::remove_dir_all(&folder).unwrap();
        }
        std::fs::create_dir_all(&folder).unwrap();
        let stranger = Self { folder, _alone: alone };
        let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let made = stranger.wod(&["zone", "new", "docks", "--sdk", sdk.to_str().unwrap()]);
        assert!(made.status.success(), "{}", said(&made));
        stranger
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.folder).env("CARGO_TARGET_DIR", target());
        command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
        command
    }

    fn wod(&self, arguments: &[&str]) -> Output {
        self.command(env!("CARGO_BIN_EXE_wod")).args(arguments).output().unwrap()
    }

    /// The same, and it must succeed.
    fn does(&self, arguments: &[&str]) -> String {
        let output = self.wod(arguments);
        assert!(output.status.success(), "wod {}: {}", arguments.join(" "), said(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// A JSON report.
    fn reads(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.does(arguments)).unwrap()
    }

    fn edit(&self, file: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.path(file)).unwrap();
        assert!(text.contains(from), "{file} has no `{from}`");
        std::fs::write(self.path(file), text.replacen(from, to, 1)).unwrap();
    }
}

/// One for all these tests, and for their next run.
fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("kit")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_new_zone_builds_checks_passes_its_scenario_and_is_measured() {
    let stranger = Stranger::new();
    let built = stranger.reads(&["zone", "build", "--json"]);
    assert_eq!(built[0]["module"], "docks");
    let checked = stranger.reads(&["zone", "check", "target/zones/docks.wasm", "--json"]);
    assert_eq!((&checked[0]["findings"], &checked[0]["lines"]), (&json!([]), &json!(true)));
    let tested = stranger.does(&["zone", "test", "zones/docks"]);
    assert!(tested.contains("ok    ") && tested.contains("The keeper greets by name"), "{tested}");
    let arguments = ["zone", "bench", "target/zones/docks.wasm", "--players", "0,3", "--seconds", "2", "--json"];
    let measured = stranger.reads(&arguments);
    let counts = ["players", "others", "ticks"].map(|name| measured[1][name].as_u64().unwrap());
    assert_eq!(counts, [3, 1, 40]);
    assert!(measured[1]["step"]["max"].as_f64() > Some(0.0), "{measured}");
    let slow = stranger.wod(&[&arguments[..7], &["--most-ms", "0.000001"]].concat());
    assert_eq!(slow.status.code(), Some(6), "{}", said(&slow));
}

#[test]
fn writers_change_maps_of_a_built_component_without_cargo() {
    let stranger = Stranger::new();
    stranger.does(&["zone", "build", "zones/docks"]);
    let file = stranger.path("target/zones/docks.wasm");
    let whole = std::fs::read(&file).unwrap();
    // What nobody has changed is what was built, to the byte.
    let repack = ["zone", "build", "--content", "zones/docks", "--json"];
    let without_cargo = || {
        let output = stranger.command(env!("CARGO_BIN_EXE_wod")).args(repack).env("CARGO", "/nowhere/cargo").output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", said(&output));
    };
    without_cargo();
    assert!(whole == std::fs::read(&file).unwrap(), "the file has changed");
    stranger.edit("zones/docks/map.tmx", r#"name="npc" value="Keeper""#, r#"name="npc" value="Watchman""#);
    without_cargo();
    assert!(whole != std::fs::read(&file).unwrap(), "the file has not changed");
    // The component is as good as any: the scenario finds that nobody is called Keeper any more.
    let component = ["--component", "target/zones/docks.wasm"];
    let missed = stranger.wod(&[&["zone", "test", "zones/docks"], &component[..]].concat());
    assert_eq!(missed.status.code(), Some(6), "{}", said(&missed));
    for part in ["greeting.toml:4: The keeper greets", "expected  `Keeper` in sight", "Watchman"] {
        assert!(said(&missed).contains(part), "no `{part}` in: {}", said(&missed));
    }
    // And the other way about: another verb than the module knows.
    stranger.edit("zones/docks/map.tmx", "greet:Greet:4", "steal:Steal:4");
    without_cargo();
    let checked = stranger.wod(&["zone", "check", "target/zones/docks.wasm"]);
    assert_eq!(checked.status.code(), Some(6));
    for part in ["the packed map, post `keeper`: verb `steal` is none of the module's", "mend: choose one of greet"] {
        assert!(said(&checked).contains(part), "no `{part}` in: {}", said(&checked));
    }
}

#[test]
fn a_fault_of_the_map_is_told_with_file_and_line_before_anything_is_compiled() {
    let stranger = Stranger::new();
    stranger.edit("zones/docks/map.tmx", r#"name="verbs""#, r#"name="door""#);
    stranger.edit("zones/docks/map.tmx", r#"type="post""#, r#"type="thing""#);
    let output = stranger.wod(&["zone", "build"]);
    assert_eq!(output.status.code(), Some(1));
    let text = said(&output);
    assert!(
        text.contains("map.tmx:26: object 5 `keeper`") && text.contains("there is no barrier `greet:Greet:4`"),
        "{text}"
    );
}

const BROKEN: &str = r#"
#[inline(never)]
fn broken(name: &str) -> String {
    let empty: Vec<String> = Vec::new();
    empty[name.len()].clone()
}
"#;

#[test]
fn a_trap_names_function_file_and_line_of_the_built_module() {
    let stranger = Stranger::new();
    let source = "zones/docks/src/lib.rs";
    stranger.edit(source, "let name = ctx.name(player).to_owned();", "let name = broken(ctx.name(player));");
    stranger.edit(source, "\nwod_zone::export!", &format!("{BROKEN}\nwod_zone::export!"));
    let text = std::fs::read_to_string(stranger.path(source)).unwrap();
    let line = |part: &str| text.lines().position(|line| line.contains(part)).unwrap() + 1;
    let (innermost, outer) = (line("empty[name.len()]"), line("broken(ctx.name(player))"));
    for more in [&[][..], &["--quick"]] {
        stranger.does(&[&["zone", "build", "zones/docks"], more].concat());
        let component = ["--component", "target/zones/docks.wasm"];
        let missed = stranger.wod(&[&["zone", "test", "zones/docks"], &component[..]].concat());
        assert_eq!(missed.status.code(), Some(6), "{}", said(&missed));
        for part in [
            "the module failed: trap".to_owned(),
            format!("docks::broken (docks/src/lib.rs:{innermost})"),
            format!("interacted (docks/src/lib.rs:{outer})"),
        ] {
            assert!(said(&missed).contains(&part), "no `{part}` in: {}", said(&missed));
        }
    }
}

/// `wod zone run`, until the test is over.
struct Running {
    child: Child,
    lines_rx: mpsc::Receiver<String>,
    players: String,
    operators: String,
}

impl Running {
    fn start(stranger: &Stranger) -> Self {
        let mut command = stranger.command(env!("CARGO_BIN_EXE_wod"));
        command.args(["zone", "run", "zones/docks", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (lines_tx, lines_rx) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                eprintln!("| {line}");
                if lines_tx.send(line).is_err() {
                    return;
                }
            }
        });
        let mut running = Self { child, lines_rx, players: String::new(), operators: String::new() };
        running.players = running.told("players    http://");
        running.operators = running.told("operators  http://");
        running
    }

    /// What follows this on the next line that has it.
    fn told(&self, part: &str) -> String {
        let deadline = Instant::now() + BUILD;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.lines_rx.recv_timeout(left).unwrap_or_else(|_| panic!("it has not said `{part}`"));
            if let Some((_, rest)) = line.split_once(part) {
                return rest.to_owned();
            }
        }
    }

    /// What the page is told of the last build; empty: nothing.
    fn notice(&self) -> String {
        let mut stream = TcpStream::connect(&self.players).unwrap();
        write!(stream, "GET /dev/notice HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        let notice: Value = serde_json::from_str(body.trim()).unwrap_or_else(|error| panic!("{error}: {answer}"));
        notice["text"].as_str().unwrap_or_default().to_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Until it holds; both cores may be busy with something else.
fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < BUILD, "{what} does not come");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_zone_runs_alone_shows_what_is_saved_and_what_it_logs() {
    let stranger = Stranger::new();
    let source = "zones/docks/src/lib.rs";
    let opened = "let post = ctx.post(\"keeper\")?;";
    stranger.edit(
        source,
        opened,
        &format!("wod_zone::info!(ctx, tide = \"high\", \"the docks open\");\n        {opened}"),
    );
    let running = Running::start(&stranger);
    let server = format!("http://{}", running.operators);
    let logs = |more: &[&str]| {
        let output = stranger.wod(&[&["logs", "home.docks", "--server", &server], more].concat());
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    wait_for("the first log line", || {
        said(&stranger.wod(&["logs", "home.docks", "--server", &server])).contains("INFO  docks 0.1.0")
    });
    assert!(logs(&[]).contains("the docks open  tide=high"), "{}", logs(&[]));
    assert_eq!(logs(&["--level", "warn"]), "");
    let line: Value = serde_json::from_str(&logs(&["--json", "-n", "1"])).unwrap();
    assert_eq!((line["message"].as_str(), line["fields"][0][1].as_str()), (Some("the docks open"), Some("high")));

    // Somebody follows while the module is replaced: by one that logs whatever it is asked.
    let mut following = stranger.command(env!("CARGO_BIN_EXE_wod"));
    let mut following =
        following.args(["logs", "-f", "home.docks", "--server", &server]).stdout(Stdio::piped()).spawn().unwrap();
    let mut followed = BufReader::new(following.stdout.take().unwrap()).lines();
    assert!(followed.next().unwrap().unwrap().contains("the docks open"));
    stranger.edit(
        source,
        "_ctx: &mut Ctx<Self>, _operator: &str, question",
        "ctx: &mut Ctx<Self>, _operator: &str, question",
    );
    stranger.edit(
        source,
        "match question {\n",
        "wod_zone::warn!(ctx, \"asked {question}\");\n        match question {\n",
    );
    running.told("home.docks runs the new docks");
    stranger.does(&["ask", "home.docks", "visitors", "--server", &server]);
    let next = followed.next().unwrap().unwrap();
    assert!(next.contains("WARN  docks 0.1.0") && next.contains("asked visitors"), "{next}");
    following.kill().unwrap();
    following.wait().unwrap();

    // What does not build is told on the page, and gone when it is mended.
    stranger.edit("zones/docks/map.tmx", r#"type="spawn""#, r#"type="spawm""#);
    wait_for("the page's notice", || running.notice().contains("class `spawm` is not known"));
    stranger.edit("zones/docks/map.tmx", r#"type="spawm""#, r#"type="spawn""#);
    wait_for("an empty notice", || running.notice().is_empty());
    // A map alone is swapped in as code is.
    stranger.edit("zones/docks/map.tmx", r#"value="grey coat""#, r#"value="red coat""#);
    running.told("home.docks runs the new docks");

    // A trap of the running module says where it was, to whoever reads its log.
    stranger.edit(
        source,
        "match question {\n",
        "if question == \"boom\" {\n            broken(question);\n        }\n        match question {\n",
    );
    stranger.edit(source, "\nwod_zone::export!", &format!("{BROKEN}\nwod_zone::export!"));
    running.told("home.docks runs the new docks");
    stranger.wod(&["ask", "home.docks", "boom", "--server", &server]);
    let text = std::fs::read_to_string(stranger.path(source)).unwrap();
    let line = text.lines().position(|line| line.contains("empty[name.len()]")).unwrap() + 1;
    wait_for("the fault", || logs(&["--level", "error"]).contains(&format!("docks::broken (docks/src/lib.rs:{line})")));
}
