//! Reads the body of a request within a number of bytes and a time.
//!
//! Not a parser. Invariant: never more than the limit is kept, whatever `Content-Length` says, and room is asked for as bytes
//! arrive: a peer that announces much and sends little holds little. A body that is too large is
//! read on and thrown away for a moment, because a peer that is still sending when the connection closes would see a reset
//! instead of the answer. Cost: one copy of the body.

use super::problem::Refusal;
use axum::body::{Body, Bytes};
use futures::StreamExt;
use std::time::Duration;
use tokio::time::timeout;

/// How long the body of a request may take.
pub const BODY_READ_MAX: Duration = Duration::from_secs(10);
/// How much of a body that is too large is thrown away before the answer.
const DISCARD_BYTES_MAX: u64 = 8 << 20;

/// How long the rest of a body is read for whose request was refused.
const DISCARD_MAX: Duration = Duration::from_secs(2);

/// The body, at most `max` bytes. `hold` is asked before that many bytes more are kept.
pub(super) async fn read(
    body: Body,
    max: usize,
    hold: impl FnMut(usize) -> Result<(), Refusal>,
) -> Result<Bytes, Refusal> {
    let slow = Refusal::TooSlow(BODY_READ_MAX.as_secs());
    timeout(BODY_READ_MAX, read_all(body, max, hold)).await.map_err(|_| slow)?
}

/// Reads a body of at most `max` bytes and throws it away: cheaper than a new connection, and the peer sees the answer.
pub(super) async fn discard(body: Body, max: usize) {
    let mut left = max;
    let mut chunks = body.into_data_stream();
    let rest = async {
        while let Some(Ok(chunk)) = chunks.next().await {
            left = left.saturating_sub(chunk.len());
            if left == 0 {
                break;
            }
        }
    };
    // What does not come in time is cut off with the connection.
    let _ = timeout(DISCARD_MAX, rest).await;
}

async fn read_all(
    body: Body,
    max: usize,
    mut hold: impl FnMut(usize) -> Result<(), Refusal>,
) -> Result<Bytes, Refusal> {
    let limit = u64::try_from(max).unwrap_or(u64::MAX);
    let mut chunks = body.into_data_stream();
    let (mut kept, mut bytes) = (Vec::new(), 0_u64);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Refusal::TooSlow(BODY_READ_MAX.as_secs()))?;
        bytes = bytes.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
        if bytes <= limit {
            hold(chunk.len())?;
            kept.extend_from_slice(&chunk);
        } else if bytes > limit.saturating_add(DISCARD_BYTES_MAX) {
            break;
        }
    }
    if bytes > limit { Err(Refusal::TooLarge { bytes, max: limit }) } else { Ok(kept.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream;
    use std::io::Error;

    fn chunks(count: usize) -> Body {
        Body::from_stream(stream::iter((0..count).map(|_| Ok::<_, Error>(vec![7_u8; 1024]))))
    }

    fn free(_: usize) -> Result<(), Refusal> {
        Ok(())
    }

    #[tokio::test]
    async fn room_is_asked_for_as_bytes_arrive_and_nothing_is_kept_without() {
        let mut held = 0;
        let hold = |bytes| {
            held += bytes;
            if held > 2048 { Err(Refusal::Busy(1)) } else { Ok(()) }
        };
        assert!(matches!(read(chunks(1000), 1 << 20, hold).await, Err(Refusal::Busy(1))));
        assert_eq!(held, 3072);
    }

    #[tokio::test]
    async fn a_body_up_to_the_limit_is_read() {
        assert_eq!(read(chunks(4), 4096, free).await.unwrap(), vec![7; 4096]);
        assert_eq!(read(Body::empty(), 0, free).await.unwrap(), vec![]);
    }

    #[tokio::test]
    async fn a_longer_body_is_measured_but_not_kept() {
        assert!(matches!(read(chunks(5), 4096, free).await, Err(Refusal::TooLarge { bytes: 5120, max: 4096 })));
        let endless = Body::from_stream(stream::repeat_with(|| Ok::<_, Error>(vec![0_u8; 1 << 20])));
        let Err(Refusal::TooLarge { bytes, .. }) = read(endless, 4096, free).await else {
            panic!("an endless body was read")
        };
        assert!(bytes < DISCARD_BYTES_MAX + (2 << 20));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stalls_or_breaks_off_is_too_slow() {
        let stalled = Body::from_stream(stream::pending::<Result<Vec<u8>, Error>>());
        assert!(matches!(read(stalled, 4096, free).await, Err(Refusal::TooSlow(10))));
        let broken = Body::from_stream(stream::iter([Ok(vec![1_u8]), Err(Error::other("gone"))]));
        assert!(matches!(read(broken, 4096, free).await, Err(Refusal::TooSlow(10))));
    }
}
