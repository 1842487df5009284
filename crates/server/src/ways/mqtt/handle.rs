//! What is done about publications, in the order in which they came.
//!
//! Not the connection (that is `session`). Signatures are checked one after the other, so reports of a device reach the intake in their
//! order; what waits for the disk waits side by side. Invariant: a publication is acknowledged once, after everything that follows from
//! it was handed to the connection; one that could not be dealt with is never acknowledged and comes again. Cost: a look into the state
//! per device and [`REVOCATION_LAG_MAX`].

use super::super::counters::Counted;
use super::MqttParts;
use super::report::{Refused, open};
use super::topic::{DeviceTopic, Kind};
use crate::gate::{self, Registry, ResumePoint};
use crate::happenings::{MqttStateFailed, emit};
use crate::identity::DeviceCertificate;
use crate::intake::{IntakeError, NotTaken, Taken, Verified};
use ed25519_dalek::VerifyingKey;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v5::{Publish, PublishProperties};
use rumqttc::{AsyncClient, PublishOptions};
use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use yagura_model::DeviceId;

/// How long a device that was revoked can still report.
pub const REVOCATION_LAG_MAX: Duration = Duration::from_secs(5);
/// Publications that are dealt with at the same time.
const UNDER_WAY_MAX: usize = 256;
/// Devices whose key is at hand.
const DEVICES_MAX: usize = 100_000;
/// How long an answer may lie at the broker for a device that is away.
const ANSWER_EXPIRY_SECONDS: u32 = 86_400;
/// Pauses between two tries to give something to the intake.
const RETRY_MIN: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_secs(2);
/// The property that carries the device's clock at sending, µs since 1970; the same as the header over HTTPS.
const SENT_PROPERTY: &str = "yagura-time";

/// What a device is to us.
#[derive(Clone, Copy)]
enum Known {
    Enrolled(VerifyingKey),
    Revoked,
    No,
}

/// What follows from a publication.
struct Done {
    publish: Publish,
    /// `None`: it could not be dealt with, and comes again.
    answer: Option<Answer>,
}

enum Answer {
    Message { topic: DeviceTopic, payload: Vec<u8> },
    Nothing,
}

type UnderWay = Pin<Box<dyn Future<Output = Done> + Send>>;

/// Deals with publications until no more come and all are dealt with.
pub(super) struct Handler {
    parts: MqttParts,
    client: AsyncClient,
    known: HashMap<DeviceId, (Instant, Known)>,
}

impl Handler {
    pub(super) fn new(parts: MqttParts, client: AsyncClient) -> Self {
        Self { parts, client, known: HashMap::new() }
    }

    pub(super) async fn run(mut self, mut incoming: mpsc::Receiver<Publish>) {
        let mut under_way: FuturesUnordered<UnderWay> = FuturesUnordered::new();
        let mut open = true;
        while open || !under_way.is_empty() {
            tokio::select! {
                Some(done) = under_way.next(), if !under_way.is_empty() => self.finish(done).await,
                publish = incoming.recv(), if open && under_way.len() < UNDER_WAY_MAX => match publish {
                    Some(publish) => {
                        let mut begun = self.begin(publish).await;
                        // Polled once here, in the order in which publications came: that puts a report into the intake's queue.
                        match poll_fn(|context| Poll::Ready(begun.as_mut().poll(context))).await {
                            Poll::Ready(done) => self.finish(done).await,
                            Poll::Pending => under_way.push(begun),
                        }
                    }
                    None => open = false,
                },
            }
        }
    }

    async fn begin(&mut self, publish: Publish) -> UnderWay {
        let Some(topic) = DeviceTopic::parse(&publish.topic) else { return self.foreign(publish) };
        let known = match self.known(topic.device).await {
            Ok(known) => known,
            Err(error) => {
                emit(&MqttStateFailed { cause: &error });
                return Box::pin(std::future::ready(Done { publish, answer: None }));
            }
        };
        match (topic.kind, known) {
            (Kind::Report, Known::Enrolled(key)) => {
                let payload = publish.payload.clone();
                match open(topic.device, &key, &payload, sent(&publish)) {
                    Ok(report) => Box::pin(deliver(self.parts.clone(), publish, topic, report)),
                    Err(refused) => Box::pin(refuse(self.parts.clone(), publish, topic, refused)),
                }
            }
            (Kind::Report, Known::Revoked) => Box::pin(refuse(self.parts.clone(), publish, topic, Refused::Revoked)),
            (Kind::Report, Known::No) => Box::pin(refuse(self.parts.clone(), publish, topic, Refused::NotEnrolled)),
            (Kind::Resume, Known::Enrolled(_)) => Box::pin(standing(self.parts.clone(), publish, topic)),
            _ => {
                self.parts.counters.count(Counted::MqttNobody);
                Box::pin(std::future::ready(Done { publish, answer: Some(Answer::Nothing) }))
            }
        }
    }

    /// A publication that is no device's: a foreign sensor's, or nobody's.
    fn foreign(&self, publish: Publish) -> UnderWay {
        let counters = self.parts.counters.clone();
        let kept = self.parts.foreign.as_ref().and_then(|feed| {
            let topic = std::str::from_utf8(&publish.topic).ok()?;
            feed.publication(topic, publish.payload.clone())
        });
        Box::pin(async move {
            match kept {
                Some(kept) => {
                    let answer = kept.await.then_some(Answer::Nothing);
                    Done { publish, answer }
                }
                None => {
                    counters.count(Counted::MqttNobody);
                    Done { publish, answer: Some(Answer::Nothing) }
                }
            }
        })
    }

    async fn known(&mut self, device: DeviceId) -> Result<Known, gate::RegistryError> {
        if let Some((asked, known)) = self.known.get(&device)
            && asked.elapsed() < REVOCATION_LAG_MAX
        {
            return Ok(*known);
        }
        let known = match self.parts.state.device(&device).await? {
            None => Known::No,
            Some(enrolled) if enrolled.revoked => Known::Revoked,
            Some(enrolled) => {
                let certificates = self.parts.state.certificates(&device).await;
                let certificates = certificates.map_err(|error| gate::RegistryError(error.into()))?;
                let parsed = certificates.iter().filter_map(|der| DeviceCertificate::parse(der).ok());
                let in_force = parsed.into_iter().find(|known| known.fingerprint == enrolled.fingerprint);
                in_force.map_or(Known::No, |certificate| Known::Enrolled(certificate.key))
            }
        };
        if self.known.len() >= DEVICES_MAX {
            self.known.clear();
        }
        self.known.insert(device, (Instant::now(), known));
        Ok(known)
    }

    /// Hands the answer to the connection, then the acknowledgement. A connection that broke loses both, and the publication comes
    /// again.
    async fn finish(&self, done: Done) {
        let Some(answer) = done.answer else { return };
        if let Answer::Message { topic, payload } = answer {
            let properties = PublishProperties {
                message_expiry_interval: Some(ANSWER_EXPIRY_SECONDS),
                ..PublishProperties::default()
            };
            let options = PublishOptions::new(QoS::AtLeastOnce).properties(properties);
            if self.client.publish(topic.to_string(), payload, options).await.is_err() {
                return;
            }
        }
        let _ = self.client.ack(&done.publish).await;
    }
}

fn sent(publish: &Publish) -> Option<i64> {
    let properties = &publish.properties.as_ref()?.user_properties;
    properties.iter().find(|(name, _)| name == SENT_PROPERTY)?.1.parse().ok()
}

async fn deliver(parts: MqttParts, publish: Publish, topic: DeviceTopic, report: Verified) -> Done {
    let mut pause = RETRY_MIN;
    loop {
        let taken = match parts.intake.room(report.bytes.len()) {
            Ok(room) => parts.intake.report(report.clone(), room).await,
            Err(error) => Err(NotTaken::Not(error)),
        };
        match taken {
            Ok(taken) => return receipt(&parts, publish, topic, &taken),
            Err(NotTaken::Stale(stale)) => return refuse(parts, publish, topic, Refused::Stale(stale)).await,
            Err(NotTaken::Not(IntakeError::Closing)) => return Done { publish, answer: None },
            Err(NotTaken::Not(_)) => {
                parts.counters.count(Counted::MqttWaited);
                sleep(pause).await;
                pause = (pause * 2).min(RETRY_MAX);
            }
        }
    }
}

fn receipt(parts: &MqttParts, publish: Publish, topic: DeviceTopic, taken: &Taken) -> Done {
    let (here, gate) = match taken.repeated {
        true => (Counted::MqttRepeated, gate::Counted::Duplicate),
        false => (Counted::MqttReport, gate::Counted::Accepted),
    };
    parts.counters.count(here);
    parts.gate.count(gate);
    let payload = taken.receipt.seal(parts.identity.receipt_key());
    let topic = DeviceTopic { kind: Kind::Receipt, ..topic };
    Done { publish, answer: Some(Answer::Message { topic, payload }) }
}

async fn refuse(parts: MqttParts, publish: Publish, topic: DeviceTopic, refused: Refused) -> Done {
    if let Some(record) = refused.anomaly(topic.device, &publish.payload) {
        parts.intake.anomaly(record).await;
    }
    parts.counters.count(Counted::MqttRefused);
    parts.gate.emit(gate::Counted::ReportRefused, &format_args!("over MQTT, {}: {refused}", topic.device));
    let payload = refused.problem(&publish.payload);
    let topic = DeviceTopic { kind: Kind::Problem, ..topic };
    Done { publish, answer: Some(Answer::Message { topic, payload }) }
}

async fn standing(parts: MqttParts, publish: Publish, topic: DeviceTopic) -> Done {
    let answer = parts.intake.resume(topic.device).await.ok().map(|last| {
        let point =
            last.map(|last| ResumePoint { boot: last.boot, sequence: last.sequence, digest: last.digest.to_string() });
        let payload = serde_json::to_vec(&point).unwrap_or_default();
        Answer::Message { topic: DeviceTopic { kind: Kind::Standing, ..topic }, payload }
    });
    Done { publish, answer }
}
