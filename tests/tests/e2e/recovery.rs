//! A host with many zones dies.

use std::time::{Duration, Instant};

use wod_tests::cluster::{Cluster, until};

const ZONES: usize = 100;
/// On two cores, the lease's time to live included.
const BUDGET: Duration = Duration::from_secs(10);

fn world() -> String {
    let zone = |number: usize| {
        let x = number * 1000;
        format!(
            "[[zone]]\nname = \"nyc.z{number}\"\nnumber = {number}\nmodule = \"elysium\"\norigin = [{x}, 0]\nsize = [120, 80]\n"
        )
    };
    let zones: String = (1..=ZONES).map(zone).collect();
    format!("start = \"nyc.z1\"\n{zones}")
}

#[tokio::test]
async fn a_hundred_zones_of_a_dead_host_run_elsewhere_within_the_budget() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("world.toml");
    std::fs::write(&file, world()).unwrap();
    let mut cluster = Cluster::hosts_of(&file).await.unwrap();
    cluster.hosts[0].1.kill().await.unwrap();
    let killed = Instant::now();
    let url = format!("http://{}/metrics", cluster.admin);
    // Heartbeats are a second old; the host itself knows at once.
    let taken = until(BUDGET + Duration::from_secs(20), "all zones", async || {
        let metrics = reqwest::get(&url).await?.text().await?;
        Ok(metrics.lines().any(|line| line == format!("wod_zones {ZONES}")))
    });
    taken.await.unwrap_or_else(|error| panic!("{error:#}\n{}", cluster.logs()));
    let took = killed.elapsed();
    println!("{ZONES} zones of a killed host run elsewhere after {:.2} s", took.as_secs_f64());
    assert!(took < BUDGET, "{took:?}\n{}", cluster.logs());
}
