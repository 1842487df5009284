//! The vault (evidence) and the lake (analytical data).
//!
//! Not a pipeline: nothing here decodes a report or judges an event; `server` joins the two. The vault is the truth, the lake
//! a view of it that can be rebuilt. Invariants: what [`Vault::append`] acknowledged is on disk and stays (DESIGN 1); every
//! row of the lake carries the position of its record (DESIGN 2); the same rows appended twice are there once (DESIGN 8).
//! All functions block; call them from a thread that may wait, never from inside an async task.

pub mod disk;
mod envelope;
#[cfg(feature = "lake")]
mod lake;
pub mod objects;
mod stamp;
mod vault;

pub use envelope::{ENVELOPE_BYTES, Envelope, EnvelopeError};
#[cfg(feature = "lake")]
pub use lake::{
    Appended, At, DataFile, FilesRead, Forget, Forgotten, Judged, Lake, LakeError, Maintained, PARTITION_SHIFT,
    Partition, Query, Scan, Snapshot, Table, TableStats, Tended, Upkeep, thread_cpu,
};
pub use stamp::{Nonce, STAMP_BYTES_MAX, StampError, StampRoots, TimeStamp, stamp_request};
pub use vault::{
    Access, ArchiveError, Archived, Archiver, CUSTODY_BYTES_MAX, Checkpoint, Corruption, Custody, Cut, Damage,
    Deletion, Digest, Hold, InclusionProof, NewRecord, NoteError, Position, Progress, Record, RecordKind, RecordRef,
    Records, Recovery, Repair, SegmentScan, Stamped, StampsVerified, Unverifiable, Vault, VaultError, VaultOptions,
    VaultReader, Verified, leaf_hash, open_checkpoint, open_text, open_verifier_key, parse_record, record_entry,
    scan_segment, sign_text, verifier_key, verify, verify_archive, verify_consistency, verify_inclusion, verify_on,
    verify_with,
};
