//! The order to stop, as everything that waits hears it.
//!
//! Not the order in which things stop (that is `serve`). A sender that is gone counts as the order.

use tokio::sync::watch;

/// Completes when the order to stop has been given.
pub(crate) async fn stopped(mut stop: watch::Receiver<bool>) {
    // An error means that whoever gives the order is gone, which is the same to those who wait.
    let _ = stop.wait_for(|stop| *stop).await;
}
