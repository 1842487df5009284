//! Asks a time stamp authority (RFC 3161) for stamps over the vault's checkpoints, now and then.
//!
//! Not the check of a stamp (that is `store::TimeStamp`) and in nobody's way: a report is taken and proven whether the authority answers or
//! not. Invariants: a stamp is kept only when nonce, imprint, signature and certificate hold; without one for longer than the interval a
//! person is told. Plain HTTP is enough: only a hash leaves, and the answer is signed. Cost: one request in an interval, two small files.

use super::settings::Stamping;
use crate::api::Health;
use crate::clock;
use crate::happenings::{EvidenceNotStamped, EvidenceStamped, chain, emit};
use reqwest::Client;
use rustls::crypto::ring;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use yagura_model::UnixMicros;
use yagura_store::{Nonce, STAMP_BYTES_MAX, StampError, TimeStamp, VaultError, VaultReader, stamp_request};

/// How often it looks whether there is something new to stamp.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long the authority may take.
const ANSWER_MAX: Duration = Duration::from_secs(20);
/// How long it waits after the authority refused, at first and at most.
const BACK_OFF: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(300));
const KIND: &str = "time-stamps";

/// Why there is no stamp this time.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotStamped {
    /// The authority does not answer, or not with success.
    #[error("the time stamp authority does not answer")]
    Away(#[from] reqwest::Error),
    /// What it answered is no stamp over what was asked.
    #[error("the time stamp authority's answer does not count")]
    Stamp(#[from] StampError),
    /// The vault cannot be read, or the stamp not be written.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// TLS settings of the client cannot be made.
    #[error("the client cannot be made")]
    Client(#[from] rustls::Error),
    /// No number that nobody can guess.
    #[error("no randomness for a nonce: {0}")]
    Randomness(getrandom::Error),
    /// A step ended by a panic.
    #[error("a step ended by a panic")]
    Panic(#[from] tokio::task::JoinError),
}

/// Asks for stamps over the checkpoints of one vault.
#[derive(Debug)]
pub struct Stamper {
    vault: VaultReader,
    stamping: Stamping,
    client: Client,
    /// The newest stamp: how many records it covers, and when it was made.
    newest: Option<(u64, UnixMicros)>,
}

impl Stamper {
    /// Looks which stamp is the newest. Blocks.
    ///
    /// # Errors
    /// [`NotStamped`]
    pub fn new(vault: VaultReader, stamping: Stamping) -> Result<Self, NotStamped> {
        // The client wants a TLS setting though none is spoken.
        let tls = rustls::ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let tls = tls.with_safe_default_protocol_versions()?.with_root_certificates(rustls::RootCertStore::empty());
        let client = Client::builder().tls_backend_preconfigured(tls.with_no_client_auth());
        let client = client.no_proxy().timeout(ANSWER_MAX).redirect(reqwest::redirect::Policy::none()).build()?;
        let newest = match vault.stamps()?.last() {
            Some(size) => {
                vault.stamped(*size)?.and_then(|it| Some((it.size, TimeStamp::open(&it.response).ok()?.time())))
            }
            None => None,
        };
        Ok(Self { vault, stamping, client, newest })
    }

    /// Asks for a stamp over the newest checkpoint, if the newest stamp is not over it and the interval is over at `now`. How many records
    /// the new stamp covers, if there is one.
    ///
    /// # Errors
    /// [`NotStamped`]; nothing is changed then.
    pub async fn round(&mut self, now: UnixMicros) -> Result<Option<u64>, NotStamped> {
        let Some(checkpoint) = self.due(now).await? else { return Ok(None) };
        let mut nonce = [0; 8];
        getrandom::fill(&mut nonce).map_err(NotStamped::Randomness)?;
        let nonce = u64::from_be_bytes(nonce);
        let response = self.ask(stamp_request(checkpoint.as_bytes(), nonce)).await?;
        let stamp = TimeStamp::open(&response)?;
        stamp.check(checkpoint.as_bytes(), Nonce::Is(nonce), self.stamping.roots.as_ref())?;
        let vault = self.vault.clone();
        let covered = size_of(&checkpoint);
        spawn_blocking(move || vault.keep_stamp(&checkpoint, &response)).await??;
        self.newest = Some((covered, stamp.time()));
        emit(&EvidenceStamped { records: covered, authority: &stamp.authority() });
        Ok(Some(covered))
    }

    /// Works until told to stop.
    pub async fn run(mut self, health: Health, mut stop: watch::Receiver<bool>) {
        let (mut wait, mut due, mut failing) = (BACK_OFF.0, Instant::now(), None);
        loop {
            tokio::select! {
                _ = stop.changed() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            if due > Instant::now() {
                continue;
            }
            let done = tokio::select! {
                _ = stop.changed() => return,
                done = self.round(clock::now()) => done,
            };
            match done {
                Ok(None) => {}
                Ok(Some(_)) => {
                    health.heals(KIND);
                    (wait, failing) = (BACK_OFF.0, None);
                }
                Err(error) => {
                    emit(&EvidenceNotStamped { cause: &chain(&error), retry_seconds: wait.as_secs() });
                    let since = *failing.get_or_insert_with(Instant::now);
                    if since.elapsed() >= self.stamping.every.min(BACK_OFF.1) {
                        health.ails(KIND, &detail(&error), NEXT_STEP);
                    }
                    due = Instant::now() + wait;
                    wait = (wait * 2).min(BACK_OFF.1);
                }
            }
        }
    }

    /// The checkpoint to be stamped, if it is time for one.
    async fn due(&self, now: UnixMicros) -> Result<Option<String>, NotStamped> {
        let every = i64::try_from(self.stamping.every.as_micros()).unwrap_or(i64::MAX);
        // A stamp from the future tells that this clock was turned back: then it is time too.
        if self.newest.is_some_and(|(_, at)| (0..every).contains(&now.since(at))) {
            return Ok(None);
        }
        let vault = self.vault.clone();
        let checkpoint = spawn_blocking(move || vault.checkpoint()).await??;
        let stamped = self.newest.map_or(0, |(size, _)| size);
        Ok(checkpoint.filter(|checkpoint| size_of(checkpoint) > stamped))
    }

    async fn ask(&self, request: Vec<u8>) -> Result<Vec<u8>, NotStamped> {
        let asked = self.client.post(&self.stamping.url).header("content-type", "application/timestamp-query");
        let mut answer = asked.body(request).send().await?.error_for_status()?;
        let mut response = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            response.extend_from_slice(&chunk);
            if response.len() > STAMP_BYTES_MAX {
                return Err(StampError::TooLong(response.len()).into());
            }
        }
        Ok(response)
    }
}

const NEXT_STEP: &str = "See that the time stamp authority answers at the URL of --tsa; the log names the cause. It is asked again by itself, \
                         and the next stamp covers all records up to then.";

fn detail(error: &NotStamped) -> String {
    format!(
        "Checkpoints of the evidence get no time stamps: {}. Evidence is taken and proven all the same.",
        chain(error)
    )
}

/// How many records a checkpoint covers: its second line.
fn size_of(checkpoint: &str) -> u64 {
    checkpoint.lines().nth(1).and_then(|line| line.parse().ok()).unwrap_or(0)
}
