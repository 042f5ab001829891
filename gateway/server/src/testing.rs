//! A gateway for simulations: the real driver and core on the current runtime, with connections in memory instead of sockets.
//! Its random numbers come from whoever starts it, its tickets are believed (a ticket is the player's `sub` and name).

use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use tokio::sync::mpsc;
use wod_backplane::Backplane;
use wod_gateway_core::{ClientFrame, Config, ConnId, Event, Seeds};
use wod_protocol::client::{CloseCode, Encoding};

use crate::driver::FromConnection;
use crate::outbound::{Next, Outbound};
use crate::service::{Place, Service};
use crate::ticket::Tickets;
use crate::{Addresses, DRAIN_GRACE};

/// A running gateway. It ends with its runtime, or by [`Self::stop`].
pub struct Gateway {
    service: Service,
    connections: u64,
}

/// A client's connection to a gateway. Dropped, it breaks.
pub struct Connection {
    conn: ConnId,
    outbound: Outbound,
    driver_tx: mpsc::Sender<FromConnection>,
}

/// What a client finds on its connection.
#[derive(Debug)]
pub enum Received {
    /// Messages, each whole.
    Frames(Vec<Bytes>),
    /// The gateway has closed the connection.
    Closed(CloseCode, String),
}

impl Gateway {
    /// Starts one on the current runtime.
    ///
    /// # Errors
    /// When the backplane can't be used.
    pub async fn start(
        config: Config,
        backplane: Backplane,
        seeds: impl FnMut() -> Seeds + Send + 'static,
    ) -> anyhow::Result<Self> {
        let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let addresses = Addresses { listen: nowhere, admin: None };
        let place = Place { region: String::new(), public: String::new(), redirect: false, addresses };
        let service = Service::start(config, backplane, Tickets::Believed, Box::new(seeds), place).await?;
        Ok(Self { service, connections: 0 })
    }

    /// Opens a connection; none when more is waiting for the gateway than it has room for. Needs no runtime.
    pub fn connect(&mut self, encoding: Encoding) -> Option<Connection> {
        self.connections += 1;
        let (conn, outbound) = (ConnId(self.connections), Outbound::default());
        let opened = FromConnection::Opened { conn, encoding, outbound: outbound.clone() };
        let driver_tx = self.service.driver_tx.clone();
        driver_tx.try_send(opened).is_ok().then_some(Connection { conn, outbound, driver_tx })
    }

    /// Sends every client elsewhere, gives them time to go, and ends.
    ///
    /// # Errors
    /// When a task of the gateway had failed.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.service.drain.cancel();
        tokio::time::sleep(DRAIN_GRACE).await;
        self.service.end.cancel();
        while let Some(ended) = self.service.tasks.join_next().await {
            ended??;
        }
        Ok(())
    }
}

impl Connection {
    /// Sends a message. False when more is waiting for the gateway than it has room for: try again.
    pub fn send(&self, frame: ClientFrame) -> bool {
        let event = FromConnection::Event(Event::Frame { conn: self.conn, frame });
        self.driver_tx.try_send(event).is_ok()
    }

    /// What has come since the last look.
    pub fn receive(&self) -> Option<Received> {
        match self.outbound.try_next()? {
            Next::Frames(frames) => {
                let bytes = frames.iter().map(Bytes::len).sum();
                if self.outbound.written(bytes) {
                    self.tell(Event::Writable { conn: self.conn });
                }
                Some(Received::Frames(frames))
            }
            Next::Close(code, reason) => Some(Received::Closed(code, reason)),
        }
    }

    fn tell(&self, event: Event) {
        if self.driver_tx.try_send(FromConnection::Event(event)).is_err() {
            tracing::debug!(conn = self.conn.0, "the gateway has ended or is full");
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.tell(Event::Closed { conn: self.conn });
    }
}
