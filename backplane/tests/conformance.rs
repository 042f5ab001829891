//! What every backend must do: each test below runs against the embedded backend, against a real Redis, against a cluster of
//! three, and against the model that simulations use.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "conformance/bus.rs"]
mod bus;
mod common;
#[path = "conformance/journal.rs"]
mod journal;
#[path = "conformance/ownership.rs"]
mod ownership;
#[path = "conformance/records.rs"]
mod records;
#[path = "conformance/restarts.rs"]
mod restarts;
#[path = "conformance/snapshots.rs"]
mod snapshots;

use bus::*;
use journal::*;
use ownership::*;
use records::*;
use restarts::*;
use snapshots::*;
use tempfile::TempDir;
use wod_backplane::simulated::Simulation;
use wod_backplane::testing::{RedisCluster, RedisServer};
use wod_backplane::{Backplane, RedisOptions};

macro_rules! conformance {
    ($($name:ident)+) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let dir = tempfile::TempDir::new().unwrap();
                let backplane = wod_backplane::Backplane::embedded(Some(dir.path())).await.unwrap();
                super::$name(super::Store::Embedded(dir), backplane).await;
            })+
        }
        mod redis {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let server = wod_backplane::testing::RedisServer::start().await.unwrap();
                let backplane = wod_backplane::Backplane::redis(&server.url(), Default::default()).await.unwrap();
                super::$name(super::Store::Redis(Box::new(server)), backplane).await;
            })+
        }
        mod cluster {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let cluster = wod_backplane::testing::RedisCluster::start(3, 0).await.unwrap();
                let backplane = wod_backplane::Backplane::redis(&cluster.url(), Default::default()).await.unwrap();
                super::$name(super::Store::Cluster(Box::new(cluster)), backplane).await;
            })+
        }
        mod simulated {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let simulation = wod_backplane::simulated::Simulation::in_real_time(1);
                let backplane = simulation.connect("process");
                super::$name(super::Store::Simulated(simulation), backplane).await;
            })+
        }
    };
}

conformance! {
    a_message_arrives_in_the_inbox_it_was_sent_to
    a_full_inbox_drops_the_newest_and_says_how_many
    closing_ends_the_inboxes
    of_many_claims_at_once_exactly_one_wins
    a_lease_that_ran_out_goes_to_another_with_a_higher_epoch
    an_owner_whose_lease_ran_out_goes_on_if_nobody_came
    only_a_lease_that_the_store_knows_of_is_put_back
    the_same_host_may_claim_again_and_fences_its_former_self
    epochs_never_repeat_and_respect_what_the_claimant_saw
    a_released_zone_is_free_at_once
    a_transfer_fences_the_old_lease_and_may_be_repeated
    a_handed_over_lease_survives_serialisation
    only_the_holder_of_the_lease_changes_anything
    a_repeated_append_is_one_append
    another_entry_under_a_known_index_is_refused
    a_gap_is_refused_and_named
    a_batch_is_appended_whole_or_not_at_all
    a_batch_overlapping_what_is_there_adds_the_rest
    appends_keep_the_lease
    concurrent_zones_keep_their_journals_apart
    rivals_never_lose_or_overwrite_what_was_acknowledged
    reading_a_journal_stops_at_the_bytes_asked_for
    trimming_keeps_what_the_kept_snapshots_need
    a_snapshot_larger_than_a_chunk_comes_back_whole
    an_upload_that_broke_off_is_never_visible
    only_the_last_two_snapshots_are_kept
    a_snapshot_from_outside_the_journal_is_refused
    records_change_only_from_the_expected_version
    a_version_never_returns_after_a_delete
    a_name_belongs_to_one_player
    keys_of_names_are_compared_byte_by_byte
    heartbeats_show_until_they_expire
    blobs_are_kept_under_their_digest_only
    values_are_listed_by_prefix
    a_value_is_replaced_only_by_who_knows_it
    everything_is_found_again_after_a_restart
    a_store_that_answers_is_healthy
}

/// What a backplane keeps its things in, to open it again.
enum Store {
    Embedded(TempDir),
    Redis(Box<RedisServer>),
    Cluster(Box<RedisCluster>),
    Simulated(Simulation),
}

impl Store {
    /// What a restart of everything does: closes the backplane, kills the Redis and starts it again.
    async fn reopen(&mut self, backplane: Backplane) -> Backplane {
        backplane.close().await.unwrap();
        match self {
            Self::Embedded(dir) => Backplane::embedded(Some(dir.path())).await.unwrap(),
            Self::Redis(server) => {
                server.until_written().await.unwrap();
                server.restart().await.unwrap();
                Backplane::redis(&server.url(), RedisOptions::default()).await.unwrap()
            }
            Self::Cluster(cluster) => {
                cluster.restart().await.unwrap();
                Backplane::redis(&cluster.url(), RedisOptions::default()).await.unwrap()
            }
            Self::Simulated(simulation) => simulation.connect("process"),
        }
    }
}
