//! Sockets for foreign sensors.
//!
//! Not what is done with frames (that is `gather`). Over UDP a datagram is a frame; over TCP messages stand one after the other and a
//! frame is as many whole ones as came together. Invariants: at most [`STREAMS_MAX`] streams, none silent for longer than
//! [`STREAM_IDLE_MAX`]; a stream with bytes that are no message ends there, and those bytes are kept too.

use super::super::counters::Counted;
use super::gather::Feed;
use super::rate::Rates;
use crate::happenings::{IdsrListenFailed, emit};
use crate::stop::stopped;
use axum::body::Bytes;
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use yagura_idsm::{DecodeError, Message};
use yagura_sources::FRAME_BYTES_MAX;

/// Datagrams a second of all senders; more are dropped, and counted.
pub const DATAGRAMS_PER_SECOND_MAX: u32 = 100_000;
/// Streams at the same time; further ones wait in the kernel's queue.
pub const STREAMS_MAX: usize = 1_024;
/// How long a stream may be silent.
pub const STREAM_IDLE_MAX: Duration = Duration::from_secs(600);
/// Pause after a failure, so that an exhausted resource can come back.
const PAUSE: Duration = Duration::from_millis(100);

/// Where to listen: `udp://ADDR:PORT` or `tcp://ADDR:PORT`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Address {
    /// Datagrams.
    Udp(SocketAddr),
    /// Streams.
    Tcp(SocketAddr),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Udp(address) => write!(f, "udp://{address}"),
            Self::Tcp(address) => write!(f, "tcp://{address}"),
        }
    }
}

/// The text is no such address.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("address {0:?}, expected udp://ADDR:PORT or tcp://ADDR:PORT")]
pub struct AddressError(String);

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let wrong = || AddressError(text.to_owned());
        let (scheme, address) = text.split_once("://").ok_or_else(wrong)?;
        let address = address.parse().map_err(|_| wrong())?;
        match scheme {
            "udp" => Ok(Self::Udp(address)),
            "tcp" => Ok(Self::Tcp(address)),
            _ => Err(wrong()),
        }
    }
}

/// Takes datagrams until `stop`.
pub async fn serve_udp(socket: UdpSocket, feed: Feed, stop: watch::Receiver<bool>) {
    let mut rates = Rates::new(DATAGRAMS_PER_SECOND_MAX);
    let mut room = vec![0; FRAME_BYTES_MAX];
    let mut stopping = std::pin::pin!(stopped(stop));
    loop {
        let (len, peer) = tokio::select! {
            received = socket.recv_from(&mut room) => match received {
                Ok(received) => received,
                Err(error) => {
                    emit(&IdsrListenFailed { cause: &error });
                    sleep(PAUSE).await;
                    continue;
                }
            },
            () = &mut stopping => return,
        };
        match feed.rule(peer) {
            None => feed.count(Counted::IdsrUnknown),
            Some((_, _, rule)) if !rates.admits(peer.ip(), rule.messages_per_second_max) => {
                feed.count(Counted::IdsrOverRate);
            }
            Some(known) => feed.datagram(peer, room.get(..len).unwrap_or_default(), known),
        }
    }
}

/// Takes streams until `stop`.
pub async fn serve_tcp(listener: TcpListener, feed: Feed, stop: watch::Receiver<bool>) {
    let slots = Arc::new(Semaphore::new(STREAMS_MAX));
    let mut streams = JoinSet::new();
    let mut stopping = std::pin::pin!(stopped(stop));
    loop {
        let slot = tokio::select! {
            slot = Arc::clone(&slots).acquire_owned() => slot,
            () = &mut stopping => return,
        };
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let feed = feed.clone();
                    streams.spawn(async move {
                        self::stream(stream, peer, &feed).await;
                        drop(slot);
                    });
                }
                Err(error) => {
                    emit(&IdsrListenFailed { cause: &error });
                    sleep(PAUSE).await;
                }
            },
            () = &mut stopping => return,
        }
        while streams.try_join_next().is_some() {}
    }
}

async fn stream(mut stream: TcpStream, peer: SocketAddr, feed: &Feed) {
    let Some(known) = feed.rule(peer) else {
        feed.count(Counted::IdsrStreamRefused);
        return;
    };
    let mut waiting = Vec::new();
    loop {
        let mut room = [0; 16 * 1024];
        let read = match timeout(STREAM_IDLE_MAX, stream.read(&mut room)).await {
            Ok(Ok(read)) if read > 0 => read,
            // The end, a broken stream, or silence: what is no whole message is kept as it is.
            _ => break,
        };
        waiting.extend_from_slice(room.get(..read).unwrap_or_default());
        let (whole, fate) = whole(&waiting);
        let rest = waiting.split_off(whole);
        let piece = std::mem::replace(&mut waiting, rest);
        if !piece.is_empty() && !feed.piece(peer, Bytes::from(piece), known).await {
            return;
        }
        if fate == Fate::Broken || waiting.len() >= FRAME_BYTES_MAX {
            feed.count(Counted::IdsrStreamRefused);
            break;
        }
    }
    waiting.truncate(FRAME_BYTES_MAX);
    if !waiting.is_empty() {
        feed.piece(peer, Bytes::from(waiting), known).await;
    }
}

/// What stands behind the whole messages.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fate {
    /// Nothing, or the beginning of a message.
    Open,
    /// Bytes that begin no message.
    Broken,
}

/// How many bytes at the front are whole messages, at most a frame of them, and what stands behind.
fn whole(bytes: &[u8]) -> (usize, Fate) {
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        match Message::decode(rest) {
            Ok((_, len)) if at + len <= FRAME_BYTES_MAX => at += len,
            Ok(_) => break,
            Err(DecodeError::Truncated { .. }) => return (at, Fate::Open),
            Err(_) => return (at, Fate::Broken),
        }
    }
    (at, Fate::Open)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use yagura_idsm::{InstanceId, ProtocolVersion, SensorInstanceId};
    use yagura_model::EventId;

    fn message(event: u16) -> Vec<u8> {
        let message = Message {
            version: ProtocolVersion::V1,
            instance: InstanceId::new(1).unwrap(),
            sensor: SensorInstanceId::new(1).unwrap(),
            event: EventId(event),
            count: 1,
            reserved: 0,
            timestamp: None,
            context: None,
            signature: None,
        };
        let mut bytes = vec![0; message.encoded_len()];
        message.encode(&mut bytes).unwrap();
        bytes
    }

    proptest! {
        #[test]
        fn a_stream_cut_anywhere_gives_whole_messages(count in 1..20_u16, cut: prop::sample::Index) {
            let all: Vec<u8> = (1..=count).flat_map(message).collect();
            let cut = cut.index(all.len() + 1);
            let (taken, fate) = whole(&all[..cut]);
            prop_assert_eq!((taken, fate), (cut / 8 * 8, Fate::Open));
        }

        #[test]
        fn any_bytes_have_a_fate(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let (taken, _) = whole(&bytes);
            prop_assert!(taken <= bytes.len());
        }
    }

    #[test]
    fn bytes_that_begin_no_message_end_the_stream() {
        assert_eq!(whole(&[message(1), vec![0xFF; 8]].concat()), (8, Fate::Broken));
    }

    #[test]
    fn addresses_are_read_or_explained() {
        assert_eq!("udp://[::1]:9".parse(), Ok(Address::Udp("[::1]:9".parse().unwrap())));
        assert!("udp://host:9".parse::<Address>().is_err() && "127.0.0.1:9".parse::<Address>().is_err());
    }
}
