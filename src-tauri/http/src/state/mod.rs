//! What the routes share: the parts of the site, counters, and the latest values.
//!
//! Promises that a value which several pages ask for at the same time is made once. Knows neither the gate nor the router
//! nor any route.

pub(crate) mod latest;
pub(crate) mod log_throttle;
pub(crate) mod refusals;

use std::sync::Arc;

use tokio::sync::{Semaphore, watch};

use crate::admission::peer::Peers;
use crate::answers::static_files::Compressed;
use crate::charts::Kept;
use crate::site::Site;
use latest::Latest;
use log_throttle::LogThrottle;
use refusals::Refusals;

/// What the routes share.
pub(crate) struct Shared {
    pub(crate) site: Site,
    pub(crate) peers: Peers,
    pub(crate) refusals: Refusals,
    /// Limits what the log says of connections that were closed to make room.
    pub(crate) made_room: LogThrottle,
    /// Charts that were just drawn.
    pub(crate) charts: Kept,
    pub(crate) files: Compressed,
    /// The status that was sent last.
    pub(crate) latest: Latest,
    /// One permit for each event stream.
    pub(crate) streams: Arc<Semaphore>,
    /// Becomes true when the host shuts down.
    pub(crate) closing: watch::Sender<bool>,
}

/// The state of all routes.
pub(crate) type App = Arc<Shared>;

impl Shared {
    pub(crate) fn new(site: Site) -> Self {
        Self {
            peers: Peers::new(site.find_process.clone()),
            refusals: Refusals::default(),
            made_room: LogThrottle::default(),
            charts: Kept::default(),
            files: Compressed::default(),
            latest: Latest::default(),
            streams: Arc::new(Semaphore::new(site.limits.streams_max)),
            closing: watch::Sender::new(false),
            site,
        }
    }
}
