//! What this side remembers of a session that the broker kept: nothing, and it says so.
//!
//! Not where reports or receipts survive (that is the vault). MQTT lets a client resume a session only if it knows what it had sent
//! without an acknowledgement; a client without such a memory may not subscribe or publish in a resumed session. Here that memory is empty
//! by design: a receipt that a broken connection lost is made again when the broker sends its report again, since the report's
//! acknowledgement is behind the receipt on the same connection. Invariant: what is loaded holds no packet. Cost: none; nothing is written.

use rumqttc::{PersistedAckMode, PersistedSession, SessionStore, SessionStoreError, SessionStoreKey};
use std::future::{Future, ready};
use std::pin::Pin;

/// The version of [`PersistedSession`] that is made here.
const FORMAT_VERSION: u16 = 1;

type Kept<'a, T> = Pin<Box<dyn Future<Output = Result<T, SessionStoreError>> + Send + 'a>>;

/// Resumes every session with nothing under way from this side. For connections with manual acknowledgement and without a clean start.
#[derive(Debug)]
pub(super) struct NothingUnderWay;

impl SessionStore for NothingUnderWay {
    fn load<'a>(&'a self, key: &'a SessionStoreKey) -> Kept<'a, Option<PersistedSession>> {
        let session = PersistedSession {
            format_version: FORMAT_VERSION,
            client_id: key.client_id().to_owned(),
            clean_start: false,
            session_expiry_interval: None,
            outgoing_inflight_upper_limit: None,
            ack_mode: PersistedAckMode::Manual,
            last_pkid: 0,
            last_puback: 0,
            replay: Vec::new(),
            incoming_qos2: Vec::new(),
        };
        Box::pin(ready(Ok(Some(session))))
    }

    fn save<'a>(&'a self, _: &'a SessionStoreKey, _: &'a PersistedSession) -> Kept<'a, ()> {
        Box::pin(ready(Ok(())))
    }

    fn clear<'a>(&'a self, _: &'a SessionStoreKey) -> Kept<'a, ()> {
        Box::pin(ready(Ok(())))
    }
}

#[cfg(test)]
mod tests {
    use super::super::options::{MqttConfig, RawMqtt};
    use rumqttc::mqttbytes::QoS;
    use rumqttc::mqttbytes::v5::Packet;
    use rumqttc::{AsyncClient, Event, PublishOptions};
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::timeout;

    const CONNACK_OF_A_KEPT_SESSION: [u8; 5] = [0x20, 3, 1, 0, 0];

    async fn packet(stream: &mut TcpStream) -> u8 {
        let mut head = [0; 2];
        stream.read_exact(&mut head).await.unwrap();
        assert!(head[1] < 128, "the packets of this test have one length byte");
        stream.read_exact(&mut vec![0; usize::from(head[1])]).await.unwrap();
        head[0]
    }

    #[tokio::test]
    async fn in_a_session_that_the_broker_kept_a_server_subscribes_and_publishes() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("mqtt://{}", listener.local_addr().unwrap());
        let config = MqttConfig::of(RawMqtt { url: Some(url), ..RawMqtt::default() }).unwrap().unwrap();
        let (client, mut events) = AsyncClient::builder(config.connection("s", 8, 60).unwrap()).try_build().unwrap();
        let server = async {
            loop {
                if let Event::Incoming(Packet::ConnAck(answer)) = events.poll().await.unwrap() {
                    assert!(answer.session_present);
                    client.subscribe("a", QoS::AtLeastOnce).await.unwrap();
                    client.publish("b", "c", PublishOptions::new(QoS::AtLeastOnce)).await.unwrap();
                }
            }
        };
        let broker = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let connect = packet(&mut stream).await;
            stream.write_all(&CONNACK_OF_A_KEPT_SESSION).await.unwrap();
            // Subscriptions and publications wait in queues of their own, so either may come first.
            let mut then = [packet(&mut stream).await, packet(&mut stream).await];
            then.sort_unstable();
            [connect, then[0], then[1]].map(|kind| kind >> 4)
        };
        let heard = timeout(Duration::from_secs(20), async {
            tokio::select! {
                heard = broker => heard,
                () = server => unreachable!("it is polled for ever"),
            }
        });
        assert_eq!(heard.await.unwrap(), [1, 3, 8], "CONNECT, PUBLISH, SUBSCRIBE");
    }
}
