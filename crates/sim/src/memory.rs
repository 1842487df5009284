//! A cloud in memory and a bad road to it: what tests of the vehicle's end talk to.
//!
//! Not the gate: no TLS, no disk. It opens, judges and acknowledges reports with the same `link` code. Invariants: what it
//! acknowledged stays in [`MemoryCloud::reports`]; the road's weather follows from its seed.

use crate::transport::{Answer, Call, Standing, Transport};
use ed25519_dalek::{SigningKey, VerifyingKey};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use yagura_link::{Anomaly, Chain, Digest, Judgement, Limits, Opened, Receipt, open};
use yagura_model::{DeviceId, UnixMicros};

/// A report as the cloud keeps it.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Whose connection it came by.
    pub device: DeviceId,
    /// Its header and body.
    pub report: Opened,
    /// What was to be said about it.
    pub anomalies: Vec<Anomaly>,
}

#[derive(Debug, Default)]
struct Inner {
    keys: BTreeMap<DeviceId, VerifyingKey>,
    chains: BTreeMap<DeviceId, Chain>,
    reports: Vec<Kept>,
    refused: u64,
}

/// A cloud in memory.
#[derive(Debug)]
pub struct MemoryCloud {
    key: SigningKey,
    inner: Mutex<Inner>,
}

impl MemoryCloud {
    /// A cloud that signs receipts with `key`.
    #[must_use]
    pub fn new(key: SigningKey) -> Self {
        Self { key, inner: Mutex::new(Inner::default()) }
    }

    /// The key that verifies receipts.
    #[must_use]
    pub fn receipt_key(&self) -> VerifyingKey {
        self.key.verifying_key()
    }

    /// Lets a device in.
    pub fn enrol(&self, device: DeviceId, key: VerifyingKey) {
        self.inner().keys.insert(device, key);
    }

    /// Everything acknowledged, by position.
    #[must_use]
    pub fn reports(&self) -> Vec<Kept> {
        self.inner().reports.clone()
    }

    /// Reports refused for good.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.inner().refused
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn receive(&self, device: DeviceId, bytes: &[u8], received: UnixMicros) -> Answer {
        let mut inner = self.inner();
        let Some(key) = inner.keys.get(&device) else { return Answer::Refused("not enrolled".to_owned()) };
        let opened = match open(bytes, key, &Limits::default()) {
            Ok(opened) if opened.header.device == device => opened,
            Ok(_) => return Answer::Refused("another device's report".to_owned()),
            Err(error) => return Answer::Refused(error.to_string()),
        };
        let position = u64::try_from(inner.reports.len()).unwrap_or(u64::MAX);
        let chain = inner.chains.entry(device).or_default();
        let position = match chain.judge(&opened.header, &opened.digest, received) {
            Judgement::Accept { anomalies } => {
                chain.record(&opened.header, &opened.digest, position);
                inner.reports.push(Kept { device, report: opened.clone(), anomalies });
                position
            }
            Judgement::Duplicate { position } => position,
            Judgement::Refuse(reason) => {
                inner.refused += 1;
                return Answer::Refused(format!("{reason:?}"));
            }
        };
        let (boot, sequence, report) = (opened.header.boot, opened.header.sequence, Digest::of(bytes));
        Answer::Receipt(Receipt { device, boot, sequence, report, position, received }.seal(&self.key))
    }
}

/// How bad the road is, in thousandths of all calls.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Weather {
    /// The call does not arrive.
    pub lost_permille: u32,
    /// The call arrives, its answer does not.
    pub answer_lost_permille: u32,
    /// The cloud says that it is busy.
    pub busy_permille: u32,
    /// The longest delay of an answer, in ms.
    pub delay_millis_max: u32,
}

/// What the weather does to one call.
#[derive(Clone, Copy, Debug)]
struct Fate {
    is_lost: bool,
    is_answer_lost: bool,
    is_busy: bool,
    delay: Duration,
}

/// One device's road to a [`MemoryCloud`].
#[derive(Debug)]
pub struct MemoryLink {
    cloud: Arc<MemoryCloud>,
    device: DeviceId,
    weather: Weather,
    random: Mutex<ChaCha8Rng>,
}

impl MemoryLink {
    /// A road whose accidents follow from `seed`.
    #[must_use]
    pub fn new(cloud: Arc<MemoryCloud>, device: DeviceId, weather: Weather, seed: u64) -> Self {
        Self { cloud, device, weather, random: Mutex::new(ChaCha8Rng::seed_from_u64(seed)) }
    }

    fn fate(&self) -> Fate {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        let mut happens = |permille: u32| random.next_u32() % 1_000 < permille;
        let is_lost = happens(self.weather.lost_permille);
        let is_answer_lost = happens(self.weather.answer_lost_permille);
        let is_busy = happens(self.weather.busy_permille);
        let millis = random.next_u32() % self.weather.delay_millis_max.saturating_add(1);
        Fate { is_lost, is_answer_lost, is_busy, delay: Duration::from_millis(u64::from(millis)) }
    }
}

impl Transport for MemoryLink {
    fn send(&self, report: Vec<u8>, unix_micros: i64) -> Call<Answer> {
        let (fate, cloud, device) = (self.fate(), Arc::clone(&self.cloud), self.device);
        Box::pin(async move {
            tokio::time::sleep(fate.delay).await;
            if fate.is_lost {
                return Answer::Lost("lost on the way".to_owned());
            }
            if fate.is_busy {
                return Answer::Busy { retry_after_micros: 1_000_000 };
            }
            let answer = cloud.receive(device, &report, UnixMicros(unix_micros));
            if fate.is_answer_lost { Answer::Lost("answer lost".to_owned()) } else { answer }
        })
    }

    fn resume(&self) -> Call<Standing> {
        let (fate, cloud, device) = (self.fate(), Arc::clone(&self.cloud), self.device);
        Box::pin(async move {
            tokio::time::sleep(fate.delay).await;
            if fate.is_lost || fate.is_answer_lost {
                return Standing::Lost("lost on the way".to_owned());
            }
            if fate.is_busy {
                return Standing::Busy { retry_after_micros: 1_000_000 };
            }
            Standing::At(cloud.inner().chains.get(&device).and_then(Chain::resume))
        })
    }
}
