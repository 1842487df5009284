//! The thread on which the Delta library's asynchronous code runs.
//!
//! Not a pool for our own work. Invariant: it may be dropped anywhere, also inside an async task, where dropping a tokio runtime
//! itself panics.

use tokio::runtime::{Builder, Handle, Runtime};

/// A runtime with one thread that ends with it.
#[derive(Debug)]
pub(crate) struct Worker {
    handle: Handle,
    runtime: Option<Runtime>,
}

impl Worker {
    pub(crate) fn start() -> std::io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("lake").enable_all().build()?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }

    /// Where work is handed over; of use as long as the worker lives.
    pub(crate) fn handle(&self) -> Handle {
        self.handle.clone()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
