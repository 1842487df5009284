//! The road over a broker: reports published under the vehicle's own topic, receipts heard under another (docs/format/mqtt.md).
//!
//! Not enrolment (that is HTTPS) and no retries (the uplink's). Invariants: one connection a vehicle, made again when it breaks; a call
//! that hears nothing within [`MQTT_CALL_MAX`] is lost, whatever became of the report; a late answer is the next call's to judge, which
//! compares it with what it sent.

use crate::transport::{Answer, Call, Standing, Transport};
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v5::{Packet, PublishProperties};
use rumqttc::{AsyncClient, Event, MqttOptions, PublishOptions};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::sync::{Mutex, mpsc};
use tokio::time::{sleep, timeout};
use yagura_link::{Digest, Resume};
use yagura_model::DeviceId;

/// How long a call may take.
pub const MQTT_CALL_MAX: Duration = Duration::from_secs(10);
/// Answers that wait for a call; older ones are of calls that gave up.
const ANSWERS_MAX: usize = 16;
/// Pause before a broken connection is made again.
const PAUSE: Duration = Duration::from_millis(500);
/// The longest answer.
const ANSWER_BYTES_MAX: u32 = 64 * 1024;

/// Why there is no road.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MqttError {
    /// Not such a URL.
    #[error("broker {0:?}, expected mqtt://HOST:PORT")]
    Url(String),
}

/// What was heard.
enum Heard {
    Receipt(Vec<u8>),
    Problem(Vec<u8>),
    Standing(Vec<u8>),
}

/// A road over a broker. Ends when the last clone is gone.
#[derive(Clone)]
pub struct Mqtt {
    client: AsyncClient,
    topic: Arc<str>,
    heard: Arc<Mutex<mpsc::Receiver<Heard>>>,
}

impl Mqtt {
    /// A vehicle's road over `broker` (`mqtt://host:port`). Call it within a runtime.
    ///
    /// # Errors
    /// [`MqttError`]
    pub fn new(broker: &str, device: &DeviceId) -> Result<Self, MqttError> {
        let wrong = || MqttError::Url(broker.to_owned());
        let (host, port) = broker.strip_prefix("mqtt://").and_then(|rest| rest.rsplit_once(':')).ok_or_else(wrong)?;
        let port: u16 = port.parse().map_err(|_| wrong())?;
        let client_id = device.to_string().replace('/', "-");
        let mut options = MqttOptions::new(client_id, (host.to_owned(), port));
        options.set_keep_alive(30).set_max_packet_size(Some(ANSWER_BYTES_MAX));
        let (client, events) = AsyncClient::builder(options).build();
        let topic: Arc<str> = format!("yagura/v1/{device}").into();
        let (say, heard) = mpsc::channel(ANSWERS_MAX);
        tokio::spawn(listen(events, client.clone(), Arc::clone(&topic), say));
        Ok(Self { client, topic, heard: Arc::new(Mutex::new(heard)) })
    }

    /// Publishes, and waits for what is heard then.
    async fn call(self, kind: &str, payload: Vec<u8>, unix_micros: Option<i64>) -> Option<Heard> {
        let mut heard = self.heard.lock().await;
        // What waits here is the answer to a call that gave up.
        while heard.try_recv().is_ok() {}
        let properties = PublishProperties {
            user_properties: unix_micros.map(|now| ("yagura-time".to_owned(), now.to_string())).into_iter().collect(),
            ..PublishProperties::default()
        };
        let options = PublishOptions::new(QoS::AtLeastOnce).properties(properties);
        let spoken = self.client.publish(format!("{}/{kind}", self.topic), payload, options);
        timeout(MQTT_CALL_MAX, async {
            spoken.await.ok()?;
            heard.recv().await
        })
        .await
        .ok()
        .flatten()
    }
}

async fn listen(mut events: rumqttc::EventLoop, client: AsyncClient, topic: Arc<str>, say: mpsc::Sender<Heard>) {
    while !say.is_closed() {
        match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                for kind in ["receipt", "problem", "standing"] {
                    // A full queue is empty again after the next connection.
                    let _ = client.try_subscribe(format!("{topic}/{kind}"), QoS::AtLeastOnce);
                }
            }
            Ok(Event::Incoming(Packet::Publish(publish))) => {
                let payload = publish.payload.to_vec();
                let heard = match publish.topic.rsplit(|byte| *byte == b'/').next() {
                    Some(b"receipt") => Heard::Receipt(payload),
                    Some(b"problem") => Heard::Problem(payload),
                    _ => Heard::Standing(payload),
                };
                // Nobody listens: the call gave up, and the next one throws it away anyway.
                let _ = say.try_send(heard);
            }
            Ok(_) => {}
            Err(_) => sleep(PAUSE).await,
        }
    }
}

impl Transport for Mqtt {
    fn send(&self, report: Vec<u8>, unix_micros: i64) -> Call<Answer> {
        let road = self.clone();
        Box::pin(async move {
            match road.call("report", report, Some(unix_micros)).await {
                Some(Heard::Receipt(receipt)) => Answer::Receipt(receipt),
                Some(Heard::Problem(problem)) => Answer::Refused(title(&problem)),
                _ => Answer::Lost("no receipt came".to_owned()),
            }
        })
    }

    fn resume(&self) -> Call<Standing> {
        let road = self.clone();
        Box::pin(async move {
            match road.call("resume", Vec::new(), None).await {
                Some(Heard::Standing(bytes)) => standing(&bytes),
                Some(Heard::Problem(problem)) => Standing::Lost(title(&problem)),
                _ => Standing::Lost("no answer came".to_owned()),
            }
        })
    }
}

#[derive(Deserialize)]
struct Problem {
    title: String,
}

#[derive(Deserialize)]
struct Point {
    boot: u64,
    sequence: u64,
    digest: String,
}

fn title(problem: &[u8]) -> String {
    serde_json::from_slice::<Problem>(problem).map_or_else(|_| "refused".to_owned(), |problem| problem.title)
}

fn standing(bytes: &[u8]) -> Standing {
    match serde_json::from_slice::<Option<Point>>(bytes) {
        Ok(None) => Standing::At(None),
        Ok(Some(point)) => match crate::https::hex32(&point.digest) {
            Some(digest) => {
                Standing::At(Some(Resume { boot: point.boot, sequence: point.sequence, digest: Digest(digest) }))
            }
            None => Standing::Lost("answer is no place in a chain".to_owned()),
        },
        Err(_) => Standing::Lost("answer is no place in a chain".to_owned()),
    }
}
