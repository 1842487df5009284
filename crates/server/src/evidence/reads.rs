//! Who read evidence, when, what and why: every read through the API becomes a custody record of the vault, or of the log of a cluster.
//!
//! Not an access control and not in the reader's way: a read is noted in memory and recorded by [`keep`] within a second, by the same group
//! commit as everything else. Invariants: a read that was noted is recorded or, while the vault takes nothing, kept until it does; the same
//! read again within [`WINDOW_US`] is counted and not told anew; what comes above [`NOTED_MAX`] is a number of its tenant. Cost: ~300 bytes of
//! vault a read; a kill loses what was noted within the last second.

use crate::clock;
use crate::happenings::{EvidenceReadsHeld, emit};
use crate::intake::Intake;
use axum::body::Bytes;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use yagura_model::{DeviceId, Name, UnixMicros};
use yagura_store::{Access, Custody, RecordKind};

/// For how long the same read is counted instead of told, in microseconds.
pub const WINDOW_US: i64 = 60_000_000;
/// Different reads that are told apart within a window.
pub const NOTED_MAX: usize = 4_096;
/// How long the reason of a reader may be; the rest is cut off.
pub const REASON_CHARS_MAX: usize = 200;
/// How often it is recorded what was noted.
const RECORD_EVERY: Duration = Duration::from_secs(1);
const OTHERS: &str = "several";

/// A read of evidence.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Read {
    /// Whose evidence.
    pub tenant: Name,
    /// Who read.
    pub by: String,
    /// Through what: `alert page`, `record`, `record's bytes`, `frames`.
    pub how: &'static str,
    /// What, in words.
    pub asked: String,
    /// Why, if that was said.
    pub why: Option<String>,
    /// Whose records, if they are one device's.
    pub device: Option<DeviceId>,
    /// How many records were given out.
    pub records: u64,
}

#[derive(Clone, Copy, Debug)]
struct Noted {
    first: UnixMicros,
    last: UnixMicros,
    /// Reads that are not recorded yet.
    times: u64,
    /// Whether one of this window is recorded.
    told: bool,
}

/// What was read and is not recorded yet. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Reads(Arc<Mutex<HashMap<Read, Noted>>>);

impl Reads {
    /// Notes a read.
    pub fn note(&self, read: Read, now: UnixMicros) {
        let mut all = self.lock();
        let full = all.len() >= NOTED_MAX && !all.contains_key(&read);
        let read = if full { several(&read) } else { read };
        let noted = all.entry(read).or_insert(Noted { first: now, last: now, times: 0, told: false });
        (noted.last, noted.times) = (now, noted.times.saturating_add(1));
    }

    /// Takes what is to be recorded at `now`: new reads, and the numbers of windows that are over; all there is if it is the last time.
    fn due(&self, now: UnixMicros, last_time: bool) -> Vec<(Read, Noted)> {
        let mut due = Vec::new();
        self.lock().retain(|read, noted| {
            let over = last_time || !(0..WINDOW_US).contains(&now.since(noted.first));
            if noted.times > 0 && (over || !noted.told) {
                due.push((read.clone(), *noted));
                (noted.told, noted.times, noted.first) = (true, 0, noted.last);
            }
            !over
        });
        due.sort_by_key(|(_, noted)| noted.first);
        due
    }

    /// Puts back what could not be recorded.
    fn give_back(&self, read: Read, unrecorded: Noted) {
        let mut all = self.lock();
        let noted = all.entry(read).or_insert(Noted { times: 0, ..unrecorded });
        (noted.first, noted.told) = (unrecorded.first, false);
        noted.times = noted.times.saturating_add(unrecorded.times);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Read, Noted>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What stands for the reads of a tenant that are too many to be told apart.
fn several(read: &Read) -> Read {
    let (by, asked) = (OTHERS.to_owned(), "more than are told one by one".to_owned());
    Read { tenant: read.tenant, by, how: OTHERS, asked, why: None, device: None, records: 0 }
}

/// The owner of the record in a cluster: the device, else the tenant as a whole.
fn owner(read: &Read) -> Option<DeviceId> {
    let whole =
        || Some(DeviceId { tenant: read.tenant, vehicle: Name::new("none").ok()?, sensor: Name::new("none").ok()? });
    read.device.or_else(whole)
}

fn access(read: &Read, noted: &Noted) -> Access {
    Access {
        by: read.by.clone(),
        how: read.how.to_owned(),
        asked: read.asked.clone(),
        records: read.records,
        manifest: None,
        tenant: Some(read.tenant.to_string()),
        why: read.why.clone(),
        times: noted.times,
        first: Some(noted.first),
        last: Some(noted.last),
    }
}

/// Records what was noted until told to stop, and then the rest.
pub async fn keep(reads: Reads, intake: Intake, mut stop: watch::Receiver<bool>) {
    loop {
        let stopping = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => true,
            () = tokio::time::sleep(RECORD_EVERY) => false,
        };
        record(&reads, &intake, clock::now(), stopping).await;
        if stopping {
            return;
        }
    }
}

/// Records what is due, in one group commit.
async fn record(reads: &Reads, intake: &Intake, now: UnixMicros, last_time: bool) {
    let due = reads.due(now, last_time);
    let recorded = due.iter().map(|(read, noted)| async {
        let payload = Bytes::from(Custody::Accessed(access(read, noted)).encode());
        let (Ok(room), Some(owner)) = (intake.room(payload.len()), owner(read)) else { return false };
        intake.evidence(RecordKind::Custody, &owner, payload, room).await.is_ok()
    });
    let recorded = futures::future::join_all(recorded).await;
    let mut held = 0;
    for ((read, noted), _) in due.into_iter().zip(recorded).filter(|(_, recorded)| !recorded) {
        held += 1;
        reads.give_back(read, noted);
    }
    if held > 0 {
        emit(&EvidenceReadsHeld { reads: held });
    }
}

/// The reason that a reader gives, cut to its limit; `None` if it says nothing.
#[must_use]
pub fn reason(text: &str) -> Option<String> {
    let text: String = text.trim().chars().filter(|it| !it.is_control()).take(REASON_CHARS_MAX).collect();
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(n: usize) -> Read {
        let (tenant, by) = (Name::new("acme").unwrap(), "ann".to_owned());
        Read { tenant, by, how: "record", asked: format!("record {n}"), why: None, device: None, records: 1 }
    }

    fn told(reads: &Reads, at: i64) -> Vec<(String, u64)> {
        reads.due(UnixMicros(at), false).into_iter().map(|(read, noted)| (read.asked, noted.times)).collect()
    }

    #[test]
    fn the_same_read_within_a_window_is_told_once_and_then_counted() {
        let reads = Reads::default();
        (0..3).for_each(|n| reads.note(read(1), UnixMicros(n)));
        assert_eq!(told(&reads, 10), [("record 1".to_owned(), 3)]);
        (0..5).for_each(|n| reads.note(read(1), UnixMicros(20 + n)));
        reads.note(read(2), UnixMicros(30));
        assert_eq!(told(&reads, 40), [("record 2".to_owned(), 1)]);
        assert_eq!(told(&reads, WINDOW_US + 40), [("record 1".to_owned(), 5)]);
        assert_eq!((told(&reads, 3 * WINDOW_US), reads.lock().len()), (Vec::new(), 0));
        reads.note(read(1), UnixMicros(4 * WINDOW_US));
        assert_eq!(told(&reads, 4 * WINDOW_US), [("record 1".to_owned(), 1)]);
    }

    #[test]
    fn what_is_too_much_is_one_number_and_what_fails_is_kept() {
        let reads = Reads::default();
        (0..NOTED_MAX + 10).for_each(|n| reads.note(read(n), UnixMicros(0)));
        let due = reads.due(UnixMicros(0), false);
        assert_eq!((due.len(), reads.lock().len()), (NOTED_MAX + 1, NOTED_MAX + 1));
        let several: Vec<_> = due.iter().filter(|(read, _)| read.by == OTHERS).collect();
        assert_eq!(several[0].1.times, 10);
        let (kept, noted) = due[0].clone();
        reads.give_back(kept, noted);
        assert_eq!(reads.due(UnixMicros(1), false).len(), 1);
    }

    #[test]
    fn a_reason_is_one_short_line() {
        assert_eq!(reason(" case\n7 "), Some("case7".to_owned()));
        assert_eq!(reason("\u{7}"), None);
        assert_eq!(reason(&"x".repeat(500)).unwrap().len(), REASON_CHARS_MAX);
    }
}
