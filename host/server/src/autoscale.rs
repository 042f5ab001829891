//! How many hosts and gateways the world wants: a signal for whatever starts and stops machines. Every host works it out from the
//! same heartbeats, so that any of them can be asked.

use wod_protocol::registry::{GatewayBeat, HostLoad};

/// Per mille of its capacity that a process should carry: room for what comes within the minutes that a new machine takes, and
/// for the zones of a host that dies.
const WANTED_LOAD: u64 = 600;

/// Hosts at which their workers would be as busy as wanted; one at least, and while there are zones without a host one more
/// than there are.
pub(crate) fn wanted_hosts(hosts: &[HostLoad], unowned_zones: usize) -> u64 {
    let alive: Vec<&HostLoad> = hosts.iter().filter(|host| !host.draining).collect();
    let load: u64 = hosts.iter().flat_map(|host| &host.zones).map(|zone| u64::from(zone.load)).sum();
    let workers: u64 = alive.iter().map(|host| u64::from(host.workers)).sum();
    // Hosts to come are taken to be as those there are.
    let capacity = (workers * WANTED_LOAD).checked_div(alive.len() as u64).unwrap_or(WANTED_LOAD).max(1);
    let by_load = load.div_ceil(capacity).max(1);
    // Nobody takes them for long: those there are can't.
    if unowned_zones > 0 { by_load.max(alive.len() as u64 + 1) } else { by_load }
}

/// Gateways at which their connections would fill them as much as wanted; one at least.
pub(crate) fn wanted_gateways(gateways: &[GatewayBeat]) -> u64 {
    let alive: Vec<&GatewayBeat> = gateways.iter().filter(|gateway| !gateway.draining).collect();
    let connections: u64 = gateways.iter().map(|gateway| u64::from(gateway.connections)).sum();
    let most: u64 = alive.iter().map(|gateway| u64::from(gateway.max_connections)).sum();
    let capacity = (most * WANTED_LOAD / 1000).checked_div(alive.len() as u64).unwrap_or(0);
    connections.checked_div(capacity).map_or(1, |_| connections.div_ceil(capacity).max(1))
}

#[cfg(test)]
mod tests {
    use wod_protocol::ids::ZoneNo;
    use wod_protocol::registry::ZoneLoad;

    use super::*;

    fn host(workers: u32, load: u32) -> HostLoad {
        let zones = vec![ZoneLoad { zone: ZoneNo(1), load, players: 0 }];
        HostLoad { host: "h".into(), region: String::new(), workers, draining: false, zones, modules: Vec::new() }
    }

    fn gateway(connections: u32, draining: bool) -> GatewayBeat {
        GatewayBeat {
            gateway: "g".into(),
            build: String::new(),
            listen: String::new(),
            admin: String::new(),
            uptime_ms: 0,
            connections,
            region: String::new(),
            public: String::new(),
            players: connections,
            max_connections: 10_000,
            memory_bytes: 0,
            silent: Vec::new(),
            set_back: Vec::new(),
            draining,
        }
    }

    #[test]
    fn hosts_are_wanted_by_measured_load_and_by_zones_nobody_takes() {
        assert_eq!(wanted_hosts(&[], 0), 1);
        assert_eq!(wanted_hosts(&[host(2, 100)], 0), 1);
        assert_eq!(wanted_hosts(&[host(2, 1500)], 0), 2);
        assert_eq!(wanted_hosts(&[host(2, 1500), host(2, 1500), host(2, 10)], 0), 3);
        assert_eq!(wanted_hosts(&[host(2, 10), host(2, 10), host(2, 10)], 0), 1, "two may be drained");
        assert_eq!(wanted_hosts(&[host(2, 10), HostLoad { draining: true, ..host(2, 1500) }], 0), 2);
        assert_eq!(wanted_hosts(&[host(2, 10)], 4), 2);
    }

    #[test]
    fn gateways_are_wanted_by_connections() {
        assert_eq!(wanted_gateways(&[]), 1);
        assert_eq!(wanted_gateways(&[gateway(10, false)]), 1);
        assert_eq!(wanted_gateways(&[gateway(9_000, false)]), 2);
        assert_eq!(wanted_gateways(&[gateway(9_000, true), gateway(0, false)]), 2);
    }
}
