//! Leases in Redis.

use std::time::Duration;

use ::redis::Cmd;
use wod_protocol::ids::{Epoch, HostId, ZoneNo};
use wod_protocol::limits::LEASE_TTL;
use wod_protocol::registry::Owner;

use super::Redis;
use super::connection::Lane;
use crate::error::Error;
use crate::types::{Claim, Lease};

const TTL_MS: u64 = LEASE_TTL.as_millis() as u64;

impl Redis {
    pub(crate) async fn claim(&self, zone: ZoneNo, host: &HostId, at_least: Epoch) -> Result<Claim, Error> {
        const OPERATION: &str = "claim a zone";
        let connected = self.link.connections(OPERATION).await?.since.elapsed();
        // After an outage all leases have run out; their holders get one time to live to come back. Counted from our own
        // (re)connect, because the store can't tell an outage of everybody from owners that died.
        let hold_off = LEASE_TTL.saturating_sub(connected);
        let token = Lease::random_token();
        let mut command = self.link.functions.call("claim", &[&self.keys.zone(zone)]);
        command.arg(host.as_str()).arg(at_least.0).arg(token).arg(TTL_MS).arg(hold_off.as_millis() as u64);
        let mut reply = self.call_to_write(OPERATION, &command).await?;
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
        let command = self.with_lease("renew", &[&self.keys.zone(lease.zone)], lease);
        self.call("renew a lease", &command).await?.ok()?;
        Ok(())
    }

    pub(crate) async fn release(&self, lease: &Lease) -> Result<(), Error> {
        let command = self.with_lease("release", &[&self.keys.zone(lease.zone)], lease);
        self.call_to_write("release a zone", &command).await?.ok()?;
        Ok(())
    }

    pub(crate) async fn transfer(&self, lease: &Lease, to: &HostId) -> Result<Lease, Error> {
        let to = lease.transferred(to);
        let mut command = self.with_lease("transfer", &[&self.keys.zone(lease.zone)], lease);
        command.arg(to.host.as_str()).arg(to.epoch.0).arg(to.token);
        self.call_to_write("hand a zone over", &command).await?.ok()?;
        Ok(to)
    }

    pub(crate) async fn owners(&self, zones: &[ZoneNo]) -> Result<Vec<Option<Owner>>, Error> {
        const OPERATION: &str = "look owners up";
        let mut commands = ::redis::pipe();
        commands.cmd("TIME");
        for zone in zones {
            commands.cmd("HMGET").arg(self.keys.zone(*zone)).arg(&["host", "epoch", "expires"]);
        }
        let connections = self.link.connections(OPERATION).await?;
        let answer = self.link.send_all::<Vec<Vec<Option<String>>>>(OPERATION, &connections, Lane::Store, &commands);
        let rows = answer.await?.map_err(|source| Error::store(OPERATION, source))?;
        let mut rows = rows.into_iter();
        let time = rows.next().unwrap_or_default();
        let [seconds, micros] = [0, 1].map(|part| number(time.get(part)).unwrap_or(0));
        let now = seconds * 1000 + micros / 1000;
        Ok(rows.map(|row| owner(&row, now)).collect())
    }

    /// A call of a function that begins by checking a lease.
    pub(super) fn with_lease(&self, function: &'static str, keys: &[&str], lease: &Lease) -> Cmd {
        let mut command = self.link.functions.call(function, keys);
        command.arg(lease.host.as_str()).arg(lease.epoch.0).arg(lease.token).arg(TTL_MS);
        command
    }
}

/// From host, epoch and expiry; none when released, run out by `now` (ms by the store's clock), or never claimed.
fn owner(row: &[Option<String>], now: u64) -> Option<Owner> {
    let host = row.first()?.as_deref().filter(|host| !host.is_empty())?;
    let epoch = number(row.get(1))?;
    let expires = number(row.get(2))?;
    (expires > now).then(|| Owner { host: host.into(), epoch: Epoch(epoch) })
}

fn number(text: Option<&Option<String>>) -> Option<u64> {
    text?.as_ref()?.parse().ok()
}
