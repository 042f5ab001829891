//! A zone's source is saved while people play: its logic changes around them, or, if it does not build, stays and says why.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::process::Command;
use wod_tests::client::{Client, Encoding};
use wod_tests::cluster::{Cluster, root, wod, world};

/// From a save to what it leads to: cargo and a debug build of the host, on two busy cores.
const BUILD: Duration = Duration::from_secs(90);
/// Between two looks at what the player was told.
const LOOK: Duration = Duration::from_millis(50);

/// A copy of the shipped zones that may be spoiled. It is the same folder in every run, and shares cargo's target folder with the
/// shipped ones, as they have it: inside the watched folder.
fn copy_of_zones() -> PathBuf {
    let (from, to) = (root().join("zones"), Path::new(env!("CARGO_TARGET_TMPDIR")).join("watched-zones"));
    if to.exists() {
        fs::remove_dir_all(&to).unwrap();
    }
    copy(&from, &to);
    let manifest = to.join("Cargo.toml");
    let here = format!("path = \"{}/", root().display());
    fs::write(&manifest, fs::read_to_string(&manifest).unwrap().replace("path = \"../", &here)).unwrap();
    fs::create_dir_all(from.join("target")).unwrap();
    std::os::unix::fs::symlink(from.join("target"), to.join("target")).unwrap();
    to
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_name() == "target" {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).unwrap();
        }
    }
}

/// One world, its player, and the author at the sources.
struct Evening {
    cluster: Cluster,
    ann: Client,
    zones: PathBuf,
}

impl Evening {
    /// Saves a file as many editors do: another one beside it, renamed over it.
    fn save(&self, file: &str, text: &str) -> Instant {
        let (path, beside) = (self.zones.join(file), self.zones.join(format!("{file}~")));
        fs::write(&beside, text).unwrap();
        fs::rename(&beside, &path).unwrap();
        Instant::now()
    }

    /// What the page is told.
    async fn notice(&self) -> anyhow::Result<Option<String>> {
        let url = format!("http://{}/dev/notice", self.cluster.gateways[0].0);
        let answer: Value = reqwest::get(url).await?.error_for_status()?.json().await?;
        Ok(answer["text"].as_str().map(str::to_owned))
    }

    /// Plays on until the page is told what fits.
    async fn told(&mut self, what: &str, fits: impl Fn(Option<&str>) -> bool) -> Option<String> {
        let begin = Instant::now();
        loop {
            self.ann.listen(LOOK).await.unwrap();
            let notice = self.notice().await.unwrap();
            if fits(notice.as_deref()) {
                return notice;
            }
            assert!(begin.elapsed() < BUILD, "not {what} but {notice:?}\n{}", self.cluster.logs());
        }
    }

    /// Plays on until the page is told a text with all of these, and gives it.
    async fn notice_with(&mut self, parts: &[&str]) -> String {
        let fits = |notice: Option<&str>| notice.is_some_and(|text| parts.iter().all(|part| text.contains(part)));
        self.told(&format!("a notice with {parts:?}"), fits).await.unwrap()
    }

    async fn no_notice(&mut self) {
        self.told("no notice", |notice| notice.is_none()).await;
    }

    /// The house's answer to an operator, which is how its running logic shows.
    async fn answer(&self) -> Value {
        let (code, answer) = self.cluster.operator(&["ask", "nyc.elysium", "questions"]).await.unwrap();
        assert_eq!(code, 0, "{answer}\n{}", self.cluster.logs());
        answer["reply"].clone()
    }

    /// Plays on until the player is told of this generation; the time since it was saved.
    async fn swapped(&mut self, generation: u64, saved: Instant) -> Duration {
        while self.ann.zone["generation"] != generation {
            assert!(saved.elapsed() < BUILD, "no generation {generation}\n{}", self.cluster.logs());
            // Where nobody moves, a client hears nothing for long.
            self.ann.listen(LOOK).await.unwrap();
        }
        assert_eq!(self.ann.zone["reason"], "swapped");
        saved.elapsed()
    }
}

#[tokio::test]
async fn a_save_changes_the_running_world_and_what_does_not_build_or_load_only_says_so() {
    let zones = copy_of_zones();
    let folder = tempfile::tempdir().unwrap();
    let modules = folder.path().join("modules");
    let build =
        Command::new(wod().unwrap()).args(["zone", "build", "--quick", "--out"]).args([&modules, &zones]).output();
    let build = build.await.unwrap();
    assert!(build.status.success(), "{}", String::from_utf8_lossy(&build.stderr));
    let cluster = Cluster::dev_with(&world(), &modules, &["--watch", zones.to_str().unwrap()]).await.unwrap();
    let ann = Client::guest(&cluster.url(0), "Ann", Encoding::Json).await.unwrap();
    let mut evening = Evening { cluster, ann, zones };
    let talk = fs::read_to_string(evening.zones.join("elysium/src/talk.rs")).unwrap();
    let spoken = |text: &str| talk.replace("nobody asked anything", text);
    assert_eq!((evening.answer().await, evening.notice().await.unwrap()), ("nobody asked anything".into(), None));

    let saved = evening.save("elysium/src/talk.rs", &spoken("not a soul asked"));
    eprintln!("save to swapped: {:.1} s", evening.swapped(1, saved).await.as_secs_f64());
    assert_eq!(evening.answer().await, "not a soul asked");

    // It does not compile: the page has cargo's words, without colours, and the old logic goes on.
    let line = talk.lines().position(|line| line.contains("nobody asked anything")).unwrap() + 1;
    let saved = evening.save("elysium/src/talk.rs", &spoken("\" oops"));
    let notice = evening.notice_with(&[&format!("elysium/src/talk.rs:{line}:"), "does not compile"]).await;
    eprintln!("save to notice: {:.1} s", saved.elapsed().as_secs_f64());
    assert!(!notice.contains('\u{1b}'), "{notice}");
    assert_eq!(evening.answer().await, "not a soul asked");

    let saved = evening.save("elysium/src/talk.rs", &spoken("the house is quiet"));
    eprintln!("mended to swapped: {:.1} s", evening.swapped(2, saved).await.as_secs_f64());
    evening.no_notice().await;
    assert_eq!(evening.answer().await, "the house is quiet");

    // A map's fault is the author's too.
    let map = fs::read_to_string(evening.zones.join("maps/elysium.tmx")).unwrap();
    evening.save("maps/elysium.tmx", &map.replacen("type=\"wall\"", "type=\"wail\"", 1));
    evening.notice_with(&["elysium.tmx", "wail"]).await;
    evening.save("maps/elysium.tmx", &map);
    evening.no_notice().await;

    // It compiles, but can't take over what the running one knows.
    let house = fs::read_to_string(evening.zones.join("elysium/src/lib.rs")).unwrap();
    let forgetful = house
        .replace("    hinted_ms: Option<u64>,", "    hinted_ms: Option<u64>,\n    /// Its mood.\n    mood: String,")
        .replace("            hinted_ms: None,", "            hinted_ms: None,\n            mood: String::new(),");
    evening.save("elysium/src/lib.rs", &forgetful);
    evening.notice_with(&["nyc.elysium goes on with the old elysium", "refused"]).await;
    assert_eq!(evening.answer().await, "the house is quiet");
    evening.save("elysium/src/lib.rs", &house);
    evening.no_notice().await;

    // All on one socket, without losing a word.
    evening.ann.chat("say", "still here").await.unwrap();
    evening.ann.until("her own line", |message| message["text"] == "still here").await.unwrap();
    evening.ann.settled().await.unwrap();
    assert_eq!(evening.ann.zone["generation"], 2);
    assert_eq!(evening.ann.faults, Vec::<String>::new());
}
