//! Who owns which zone. Decided in memory; owner and epoch are written down before the new owner hears of it.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;
use wod_protocol::ids::{Epoch, HostId, ZoneNo};
use wod_protocol::limits::LEASE_TTL;
use wod_protocol::registry::Owner;

use super::Embedded;
use super::commit::Failure;
use super::tables::LEASES;
use crate::error::Error;
use crate::types::{Claim, Lease};

/// The leases of all zones as they are now.
pub(super) struct Leases {
    by_zone: Mutex<HashMap<ZoneNo, Held>>,
}

struct Held {
    lease: Lease,
    /// None when it was released: the epoch is kept, the zone is free.
    expires: Option<Instant>,
}

impl Leases {
    /// The stored leases run from now on: their holders have had no chance to renew while nothing ran.
    pub(super) fn new(stored: HashMap<ZoneNo, Lease>, now: Instant) -> Self {
        let held = stored.into_iter().map(|(zone, lease)| {
            let expires = (!lease.host.as_str().is_empty()).then_some(now + LEASE_TTL);
            (zone, Held { lease, expires })
        });
        Self { by_zone: Mutex::new(held.collect()) }
    }

    /// Extends the lease, or says that it is not the zone's any more.
    pub(super) fn renew(&self, lease: &Lease, operation: &'static str, now: Instant) -> Result<(), Error> {
        match self.by_zone.lock().get_mut(&lease.zone) {
            Some(held) if held.expires.is_some() && held.lease == *lease => {
                held.expires = Some(now + LEASE_TTL);
                Ok(())
            }
            _ => Err(Error::Fenced { operation }),
        }
    }

    fn owner(&self, zone: ZoneNo, now: Instant) -> Option<Owner> {
        let by_zone = self.by_zone.lock();
        let held = by_zone.get(&zone)?;
        held.expires.is_some_and(|expires| expires > now).then(|| held.lease.owner())
    }

    fn claim(&self, zone: ZoneNo, host: &HostId, at_least: Epoch, now: Instant) -> Claim {
        let mut by_zone = self.by_zone.lock();
        let mut epoch = at_least;
        if let Some(held) = by_zone.get(&zone) {
            let remaining = held.expires.map_or(Duration::ZERO, |expires| expires.saturating_duration_since(now));
            if !remaining.is_zero() && held.lease.host != *host {
                return Claim::Held(held.lease.owner(), remaining);
            }
            epoch = epoch.max(held.lease.epoch);
        }
        let lease = Lease { zone, host: host.clone(), epoch: epoch.next(), token: Lease::random_token() };
        by_zone.insert(zone, Held { lease: lease.clone(), expires: Some(now + LEASE_TTL) });
        Claim::Won(lease)
    }

    /// None: the lease is not the zone's.
    fn transfer(&self, from: &Lease, to: &HostId, at_least: Epoch, now: Instant) -> Option<Lease> {
        let token = from.token_for(to);
        let mut by_zone = self.by_zone.lock();
        let held = by_zone.get_mut(&from.zone).filter(|held| held.expires.is_some())?;
        let repeated = held.lease.host == *to && held.lease.token == token;
        if !repeated && held.lease != *from {
            return None;
        }
        if !repeated {
            let epoch = from.epoch.max(at_least).next();
            held.lease = Lease { zone: from.zone, host: to.clone(), epoch, token };
        }
        held.expires = Some(now + LEASE_TTL);
        Some(held.lease.clone())
    }

    fn release(&self, lease: &Lease) -> bool {
        match self.by_zone.lock().get_mut(&lease.zone) {
            Some(held) if held.lease == *lease => {
                held.expires = None;
                true
            }
            _ => false,
        }
    }
}

impl Embedded {
    pub(crate) async fn claim(&self, zone: ZoneNo, host: &HostId, at_least: Epoch) -> Result<Claim, Error> {
        let (leases, host, now) = (self.leases.clone(), host.clone(), Instant::now());
        self.write("claim a zone", move |transaction| {
            let claim = leases.claim(zone, &host, at_least, now);
            if let Claim::Won(lease) = &claim {
                let row = (lease.host.as_str(), lease.epoch.0, lease.token);
                transaction.open_table(LEASES)?.insert(zone.0, row)?;
            }
            Ok(claim)
        })
        .await
    }

    pub(crate) fn renew(&self, lease: &Lease) -> Result<(), Error> {
        self.leases.renew(lease, "renew a lease", Instant::now())
    }

    pub(crate) async fn release(&self, lease: &Lease) -> Result<(), Error> {
        const OPERATION: &str = "release a zone";
        let (leases, lease) = (self.leases.clone(), lease.clone());
        self.write(OPERATION, move |transaction| {
            if !leases.release(&lease) {
                return Err(Failure::Refused(Error::Fenced { operation: OPERATION }));
            }
            transaction.open_table(LEASES)?.insert(lease.zone.0, ("", lease.epoch.0, lease.token))?;
            Ok(())
        })
        .await
    }

    pub(crate) async fn transfer(&self, lease: &Lease, to: &HostId, at_least: Epoch) -> Result<Lease, Error> {
        const OPERATION: &str = "hand a zone over";
        let (leases, from, to, now) = (self.leases.clone(), lease.clone(), to.clone(), Instant::now());
        self.write(OPERATION, move |transaction| {
            let Some(to) = leases.transfer(&from, &to, at_least, now) else {
                return Err(Failure::Refused(Error::Fenced { operation: OPERATION }));
            };
            let row = (to.host.as_str(), to.epoch.0, to.token);
            transaction.open_table(LEASES)?.insert(to.zone.0, row)?;
            Ok(to)
        })
        .await
    }

    pub(crate) fn owner(&self, zone: ZoneNo) -> Option<Owner> {
        self.leases.owner(zone, Instant::now())
    }
}
