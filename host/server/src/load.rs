//! How busy hosts are, as they tell each other through the backplane.

use std::time::Duration;

use wod_backplane::{Backplane, Error};
use wod_protocol::registry::HostLoad;

const KIND: &str = "load";
/// A host that has not told for this long is taken for dead.
const TTL: Duration = Duration::from_secs(3);

/// Tells it.
pub(crate) async fn tell(backplane: &Backplane, load: &HostLoad) -> Result<(), Error> {
    let body = rmp_serde::to_vec_named(load).expect("a load has no unserialisable value");
    backplane.beat(KIND, load.host.as_str(), body.into(), TTL).await
}

/// This host tells nothing any more.
pub(crate) async fn end(backplane: &Backplane, host: &str) -> Result<(), Error> {
    backplane.end_beat(KIND, host).await
}

/// Of all hosts alive. One of another program version that does not decode is left out, and said.
pub(crate) async fn read(backplane: &Backplane) -> Result<Vec<HostLoad>, Error> {
    let beats = backplane.beats(KIND).await?;
    let decode = |(id, body): (String, bytes::Bytes)| {
        let decoded = rmp_serde::from_slice(&body);
        decoded.inspect_err(|error| tracing::warn!(id, %error, "a host's load does not decode")).ok()
    };
    Ok(beats.into_iter().filter_map(decode).collect())
}
