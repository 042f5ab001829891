//! `wod host`: one zone host process of a cluster.

use tokio::sync::oneshot;

use crate::config::{Flags, Role};
use crate::exit::Outcome;
use crate::service;

/// Arguments of `wod host`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    flags: Flags,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let settings = self.flags.settings(Role::Host)?;
        let world = settings.read_world()?;
        let trust = settings.read_trust(false)?;
        let config = service::host_config(&settings, world, trust, false)?;
        service::run("info", |stop| async move {
            let metrics = service::start_metrics()?;
            let backplane = service::connect(&settings, "host").await?;
            let (ready_tx, ready_rx) = oneshot::channel();
            drop(ready_rx);
            wod_host::run(config, backplane.clone(), metrics, stop, ready_tx).await?;
            backplane.close().await.map_err(anyhow::Error::new)?;
            Ok(())
        })
    }
}
