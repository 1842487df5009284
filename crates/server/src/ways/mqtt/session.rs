//! The connection to the broker: made, lost, made again.
//!
//! Not what is done about publications (that is `handle`). Each connection has its own client, so that nothing of a broken one reaches
//! the next; the broker keeps the session and sends again what was not acknowledged. Invariant: the connection is polled all the time,
//! also while publications wait for the disk. Cost: one task, and one for the publications.

use super::super::counters::Counted;
use super::MqttParts;
use super::handle::Handler;
use super::options::MqttConfig;
use super::topic::Kind;
use crate::happenings::{MqttBroken, MqttUp, emit};
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v5::{Packet, Publish, SubscribeFilter, SubscribeReasonCode};
use rumqttc::{AsyncClient, Event, EventLoop};
use std::error::Error;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// Publications that the broker may send without an acknowledgement.
pub const RECEIVE_MAX: u16 = 128;
/// How long the broker keeps the session, and what came for it, while this server is away.
pub const SESSION_EXPIRY_SECONDS: u32 = 7 * 86_400;
/// The first pause before a connection is made again; it doubles with every failure.
pub const BACK_OFF_MIN: Duration = Duration::from_millis(200);
/// The longest pause before a connection is made again.
pub const BACK_OFF_MAX: Duration = Duration::from_secs(30);
/// How long publications under way may take after the order to stop.
const DRAIN_MAX: Duration = Duration::from_secs(5);

type Failure = Box<dyn Error + Send + Sync>;

/// Serves until `stop`. `server` is the name of this server at the broker, if the settings give none.
pub async fn serve(config: MqttConfig, parts: MqttParts, server: String, mut stop: watch::Receiver<bool>) {
    let mut pause = BACK_OFF_MIN;
    while !*stop.borrow() {
        let mut was_up = false;
        let ended = connection(&config, &parts, &server, &mut stop, &mut was_up).await;
        let Err(error) = ended else { return };
        parts.counters.count(Counted::MqttDisconnected);
        emit(&MqttBroken { broker: &config.broker(), cause: &*error });
        pause = if was_up { BACK_OFF_MIN } else { (pause * 2).min(BACK_OFF_MAX) };
        tokio::select! {
            () = sleep(pause) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// One connection. `Ok` when it was told to stop.
async fn connection(
    config: &MqttConfig,
    parts: &MqttParts,
    server: &str,
    stop: &mut watch::Receiver<bool>,
    was_up: &mut bool,
) -> Result<(), Failure> {
    let options = config.connection(server, RECEIVE_MAX, SESSION_EXPIRY_SECONDS)?;
    let (client, mut events) = AsyncClient::builder(options).try_build()?;
    let (queue, incoming) = mpsc::channel(usize::from(RECEIVE_MAX) * 2);
    let handler = Handler::new(parts.clone(), client.clone());
    let handler = Ending(tokio::spawn(handler.run(incoming)));
    loop {
        let event = tokio::select! {
            event = events.poll() => event?,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        match event {
            Event::Incoming(Packet::ConnAck(_)) => client.try_subscribe_many(filters(parts))?,
            Event::Incoming(Packet::SubAck(answer)) => {
                if !answer.return_codes.iter().all(|code| matches!(code, SubscribeReasonCode::Success(_))) {
                    return Err("the broker refuses a subscription: look at the rights of this user".into());
                }
                *was_up = true;
                parts.counters.count(Counted::MqttConnected);
                emit(&MqttUp { broker: &config.broker() });
            }
            Event::Incoming(Packet::Publish(publish)) => enqueue(&queue, publish, parts)?,
            _ => {}
        }
    }
    drop(queue);
    // What does not end in time is not acknowledged, and comes again.
    let _ = timeout(DRAIN_MAX, drain(&mut events, handler, &client)).await;
    Ok(())
}

/// Ends with the connection.
struct Ending(JoinHandle<()>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn filters(parts: &MqttParts) -> Vec<SubscribeFilter> {
    let mut filters = vec![Kind::Report.shared_filter(), Kind::Resume.shared_filter()];
    filters
        .extend(parts.foreign.iter().flat_map(|feed| feed.filters()).map(|filter| format!("$share/yagura/{filter}")));
    filters.into_iter().map(|filter| SubscribeFilter::new(filter, QoS::AtLeastOnce)).collect()
}

/// A publication without acknowledgement may be dropped when too many wait: its sender gets no receipt and sends it again.
fn enqueue(queue: &mpsc::Sender<Publish>, publish: Publish, parts: &MqttParts) -> Result<(), Failure> {
    let qos = publish.qos;
    match queue.try_send(publish) {
        Ok(()) => Ok(()),
        Err(_) if qos == QoS::AtMostOnce => {
            parts.counters.count(Counted::MqttWaited);
            Ok(())
        }
        Err(_) => Err("the broker sends more than the receive maximum".into()),
    }
}

/// Lets publications under way end and says goodbye; the broker keeps the session.
async fn drain(events: &mut EventLoop, mut handler: Ending, client: &AsyncClient) {
    let mut done = false;
    loop {
        tokio::select! {
            _ = &mut handler.0, if !done => {
                done = true;
                if client.disconnect().await.is_err() {
                    return;
                }
            }
            event = events.poll() => if event.is_err() {
                return;
            },
        }
    }
}
