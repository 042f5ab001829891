//! `wod gateway`: one gateway process of a cluster.

use tokio::sync::oneshot;

use crate::config::{Flags, Role};
use crate::exit::Outcome;
use crate::service;

/// Arguments of `wod gateway`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    flags: Flags,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let settings = self.flags.settings(Role::Gateway)?;
        let world = settings.read_world()?;
        let config = service::gateway_config(&settings, world)?;
        service::run("info", |stop| async move {
            let backplane = service::connect(&settings, "gateway").await?;
            let (ready_tx, ready_rx) = oneshot::channel();
            drop(ready_rx);
            wod_gateway::run(config, backplane.clone(), stop, ready_tx).await?;
            backplane.close().await.map_err(anyhow::Error::new)?;
            Ok(())
        })
    }
}
