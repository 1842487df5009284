//! Where a device may go on, as the workers of a cluster left it: what a gate answers that has no vault of its own.
//!
//! Not the chain itself (the pipeline has it). Invariant: what is answered was judged, so it is durable; it may be older than what was
//! acknowledged last. Cost: one read by key.

use super::database::sql;
use super::number::uint;
use super::{State, StateError};
use yagura_link::{Digest, Resume};
use yagura_model::DeviceId;

impl State {
    /// The last report of a device up to which nothing is awaited, as far as it was judged; `None` if there is none.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn resume(&self, device: &DeviceId) -> Result<Option<Resume>, StateError> {
        let query = sql("SELECT boot, sequence, digest FROM chains
             WHERE tenant = $1 AND vehicle = $2 AND sensor = $3 AND boot IS NOT NULL AND digest IS NOT NULL");
        let query = query.bind(device.tenant.as_str()).bind(device.vehicle.as_str()).bind(device.sensor.as_str());
        let row: Option<(i64, i64, Vec<u8>)> = query.optional(self.read()).await?;
        let Some((boot, sequence, digest)) = row else { return Ok(None) };
        let digest = <[u8; 32]>::try_from(digest);
        let digest = digest.map_err(|_| StateError::Damaged(format!("digest of the last report of {device}")))?;
        Ok(Some(Resume { boot: uint(boot), sequence: uint(sequence), digest: Digest(digest) }))
    }
}
