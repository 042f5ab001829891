//! Leases in Redis.

use std::time::Duration;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use wod_protocol::ids::{Epoch, HostId, ZoneNo};
use wod_protocol::limits::LEASE_TTL;
use wod_protocol::registry::Owner;

use super::Redis;
use super::functions::Call;
use crate::error::Error;
use crate::types::{Claim, Lease};

const TTL_MS: u64 = LEASE_TTL.as_millis() as u64;
/// Zones that are looked up at once.
const LOOK_UPS: usize = 64;

impl Redis {
    pub(crate) async fn claim(&self, zone: ZoneNo, host: &HostId, at_least: Epoch) -> Result<Claim, Error> {
        const OPERATION: &str = "claim a zone";
        let key = self.keys.zone(zone);
        let connected = self.nodes.link(OPERATION, &key)?.connections(OPERATION).await?.since.elapsed();
        // After an outage all leases have run out; their holders get one time to live to come back. Counted from our own
        // (re)connect, because the store can't tell an outage of everybody from owners that died.
        let hold_off = LEASE_TTL.saturating_sub(connected);
        let token = Lease::random_token();
        let call = self.nodes.functions().call("claim", &[&key]).arg(host.as_str()).arg(at_least.0);
        let call = call.arg(token).arg(TTL_MS).arg(hold_off.as_millis() as u64);
        let mut reply = self.call_to_write(OPERATION, call).await?;
        match reply.word() {
            "won" => {
                let epoch = Epoch(reply.next()?);
                Ok(Claim::Won(Lease { zone, host: host.clone(), epoch, token }))
            }
            "held" => {
                let holder: String = reply.next()?;
                let owner = Owner { host: holder.into(), epoch: Epoch(reply.next()?) };
                Ok(Claim::Held(owner, Duration::from_millis(reply.next()?)))
            }
            _ => Err(reply.unexpected()),
        }
    }

    pub(crate) async fn renew(&self, lease: &Lease) -> Result<(), Error> {
        let call = self.with_lease("renew", &[&self.keys.zone(lease.zone)], lease);
        self.call("renew a lease", call).await?.ok()?;
        Ok(())
    }

    pub(crate) async fn reassert(&self, lease: &Lease) -> Result<(), Error> {
        let call = self.with_lease("reassert", &[&self.keys.zone(lease.zone)], lease);
        self.call_to_write("put a lease back", call).await?.ok()?;
        Ok(())
    }

    pub(crate) async fn release(&self, lease: &Lease) -> Result<(), Error> {
        let call = self.with_lease("release", &[&self.keys.zone(lease.zone)], lease);
        self.call_to_write("release a zone", call).await?.ok()?;
        Ok(())
    }

    pub(crate) async fn transfer(&self, lease: &Lease, to: &HostId, at_least: Epoch) -> Result<Lease, Error> {
        let token = lease.token_for(to);
        let call = self.with_lease("transfer", &[&self.keys.zone(lease.zone)], lease);
        let call = call.arg(to.as_str()).arg(token).arg(at_least.0);
        let mut reply = self.call_to_write("hand a zone over", call).await?.ok()?;
        Ok(Lease { zone: lease.zone, host: to.clone(), epoch: Epoch(reply.next()?), token })
    }

    pub(crate) async fn owners(&self, zones: &[ZoneNo]) -> Result<Vec<Option<Owner>>, Error> {
        // One call a zone, many under way at once: in a cluster they go to different servers.
        stream::iter(zones.iter().copied()).map(|zone| self.owner(zone)).buffered(LOOK_UPS).try_collect().await
    }

    async fn owner(&self, zone: ZoneNo) -> Result<Option<Owner>, Error> {
        let call = self.nodes.functions().call("owner", &[&self.keys.zone(zone)]);
        let mut reply = self.call("look an owner up", call).await?;
        if reply.word() == "nobody" {
            return Ok(None);
        }
        reply = reply.ok()?;
        let host: String = reply.next()?;
        Ok(Some(Owner { host: host.into(), epoch: Epoch(reply.next()?) }))
    }

    /// A call of a function that begins by checking a lease.
    pub(super) fn with_lease(&self, function: &'static str, keys: &[&str], lease: &Lease) -> Call {
        let call = self.nodes.functions().call(function, keys);
        call.arg(lease.host.as_str()).arg(lease.epoch.0).arg(lease.token).arg(TTL_MS)
    }
}
