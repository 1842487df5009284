//! A record of foreign IDS messages: what a sensor that is not ours sent, as it came, and what was known of the sender.
//!
//! Not the messages' meaning (that is `messages`) and not a socket. Format: docs/format/idsr.md. Invariants: decoding gives back what
//! was encoded; every byte that came is in the body; whose they are and which key was to verify them is written at receipt, so that
//! a later change of the settings changes no row. Cost: 12 bytes a frame and ~100 a record.

use crate::head::{Head, RecordError, field, join};
use crate::key::{Algorithm, SourceKey};
use ciborium::value::Value;
use yagura_model::{DeviceId, Name, UnixMicros};

/// The longest frame: a UDP datagram has no more, and nothing in the field comes near.
pub const FRAME_BYTES_MAX: usize = 65_535;
/// The most bytes of frames in a record.
pub const FOREIGN_BODY_BYTES_MAX: usize = 1 << 20;
/// The longest peer (address or topic) that is kept; the rest is cut off.
pub const PEER_BYTES_MAX: usize = 256;

const VERSION: u8 = 1;
const FRAME_HEAD_LEN: usize = 12;

/// How foreign messages came.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Via {
    /// Datagrams.
    Udp,
    /// A stream.
    Tcp,
    /// A broker's topic.
    Mqtt,
}

impl Via {
    /// Its name in the head.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Mqtt => "mqtt",
        }
    }

    fn of(name: &str) -> Option<Self> {
        [Self::Udp, Self::Tcp, Self::Mqtt].into_iter().find(|via| via.name() == name)
    }
}

/// What was known of the sender when its frames came.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sender {
    /// Whose they are, as the source's settings say.
    pub device: DeviceId,
    /// The source in whose file it says so.
    pub source: Name,
    /// How they came.
    pub via: Via,
    /// From which address, or under which topic.
    pub peer: String,
    /// The key that their signatures must verify with; `None` if nobody signs.
    pub key: Option<SourceKey>,
}

/// One frame: a datagram, a message of a stream, or the payload of a publication.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Frame<'a> {
    /// When it came.
    pub received: UnixMicros,
    /// As it came; it may hold several messages.
    pub bytes: &'a [u8],
}

/// Collects the frames of one sender into the payload of a record.
#[derive(Clone, Debug)]
pub struct ForeignWriter {
    body: Vec<u8>,
    frames: usize,
}

impl Default for ForeignWriter {
    fn default() -> Self {
        Self::new()
    }
}

impl ForeignWriter {
    /// Without frames.
    #[must_use]
    pub const fn new() -> Self {
        Self { body: Vec::new(), frames: 0 }
    }

    /// Takes a frame; `false` if it is longer than [`FRAME_BYTES_MAX`] or the record would be longer than
    /// [`FOREIGN_BODY_BYTES_MAX`], and nothing was taken.
    #[must_use]
    pub fn push(&mut self, frame: &Frame<'_>) -> bool {
        let len = self.body.len().saturating_add(FRAME_HEAD_LEN).saturating_add(frame.bytes.len());
        let Ok(bytes) = u32::try_from(frame.bytes.len()) else { return false };
        if frame.bytes.len() > FRAME_BYTES_MAX || len > FOREIGN_BODY_BYTES_MAX {
            return false;
        }
        self.body.extend_from_slice(&frame.received.0.to_be_bytes());
        self.body.extend_from_slice(&bytes.to_be_bytes());
        self.body.extend_from_slice(frame.bytes);
        self.frames = self.frames.saturating_add(1);
        true
    }

    /// How many frames it holds.
    #[must_use]
    pub const fn frames(&self) -> usize {
        self.frames
    }

    /// How many bytes it holds.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.body.len()
    }

    /// The payload for the vault; the writer is empty then.
    #[must_use]
    pub fn finish(&mut self, sender: &Sender) -> Vec<u8> {
        let peer: String = sender.peer.chars().take(PEER_BYTES_MAX / 4).collect();
        let mut fields = vec![
            field(1, VERSION),
            field(2, sender.device.to_string()),
            field(3, sender.source.to_string()),
            field(4, sender.via.name()),
            field(5, peer),
        ];
        if let Some(key) = &sender.key {
            fields.push(field(6, key.algorithm().name()));
            fields.push((Value::from(7), Value::Bytes(key.bytes().to_vec())));
        }
        self.frames = 0;
        join(fields, &std::mem::take(&mut self.body))
    }
}

/// A record of foreign messages that borrows its frames.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ForeignRecord<'a> {
    /// Who sent them.
    pub sender: Sender,
    body: &'a [u8],
}

impl<'a> ForeignRecord<'a> {
    /// The record in a payload of the vault.
    ///
    /// # Errors
    /// [`RecordError`] naming the field or the byte.
    pub fn decode(payload: &'a [u8]) -> Result<Self, RecordError> {
        let (head, body) = Head::split(payload)?;
        if head.integer::<u8>(1)? != VERSION {
            return Err(RecordError::Field(1));
        }
        let key = match head.bytes(7)? {
            None => None,
            Some(bytes) => {
                let algorithm = Algorithm::of(head.text(6)?).ok_or(RecordError::Field(6))?;
                Some(SourceKey::new(algorithm, bytes).map_err(|_| RecordError::Field(7))?)
            }
        };
        let sender = Sender {
            device: head.parsed(2)?,
            source: head.parsed(3)?,
            via: Via::of(head.text(4)?).ok_or(RecordError::Field(4))?,
            peer: head.text(5)?.to_owned(),
            key,
        };
        let record = Self { sender, body };
        // One walk says whether the frames fill the body; whoever walks again need not ask.
        match record.frames().find_map(Result::err) {
            Some(error) => Err(error),
            None => Ok(record),
        }
    }

    /// Its frames, in the order in which they came.
    pub fn frames(&self) -> impl Iterator<Item = Result<Frame<'a>, RecordError>> + use<'a> {
        let (whole, mut rest) = (self.body.len(), self.body);
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let at = whole.saturating_sub(rest.len());
            match frame(rest) {
                Some((frame, after)) => {
                    rest = after;
                    Some(Ok(frame))
                }
                None => {
                    rest = &[];
                    Some(Err(RecordError::Body { at }))
                }
            }
        })
    }
}

fn frame(bytes: &[u8]) -> Option<(Frame<'_>, &[u8])> {
    let (received, rest) = bytes.split_first_chunk::<8>()?;
    let (len, rest) = rest.split_first_chunk::<4>()?;
    let len = usize::try_from(u32::from_be_bytes(*len)).ok().filter(|len| *len <= FRAME_BYTES_MAX)?;
    let (bytes, rest) = rest.split_at_checked(len)?;
    Some((Frame { received: UnixMicros(i64::from_be_bytes(*received)), bytes }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use proptest::prelude::*;

    fn sender(key: bool) -> Sender {
        Sender {
            device: "acme/kona-7/adas".parse().unwrap(),
            source: Name::new("vendor-idsr").unwrap(),
            via: Via::Udp,
            peer: "10.1.2.3:4711".to_owned(),
            key: key.then(|| {
                let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
                SourceKey::new(Algorithm::Ed25519, key.verifying_key().as_bytes()).unwrap()
            }),
        }
    }

    #[test]
    fn a_record_of_version_1_is_these_bytes() {
        let mut writer = ForeignWriter::new();
        assert!(writer.push(&Frame { received: UnixMicros(1_767_226_200_000_000), bytes: &[0x20, 1, 2, 3] }));
        assert!(writer.push(&Frame { received: UnixMicros(1_767_226_200_000_001), bytes: &[] }));
        let payload = writer.finish(&sender(false));
        let hex: String = payload.iter().map(|byte| format!("{byte:02x}")).collect();
        expect!["0036a50101027061636d652f6b6f6e612d372f61646173036b76656e646f722d696473720463756470056d31302e312e322e333a343731310006474869e3860000000004200102030006474869e3860100000000"].assert_eq(&hex);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            frames in proptest::collection::vec((any::<i64>(), proptest::collection::vec(any::<u8>(), 0..80)), 0..20),
            signed: bool,
        ) {
            let mut writer = ForeignWriter::new();
            for (received, bytes) in &frames {
                let taken = writer.push(&Frame { received: UnixMicros(*received), bytes });
                prop_assert!(taken);
            }
            let payload = writer.finish(&sender(signed));
            prop_assert_eq!(writer.frames(), 0);
            let record = ForeignRecord::decode(&payload).unwrap();
            prop_assert_eq!(&record.sender, &sender(signed));
            let read: Vec<_> = record.frames().map(Result::unwrap).map(|f| (f.received.0, f.bytes.to_vec())).collect();
            prop_assert_eq!(read, frames);
        }

        #[test]
        fn garbage_and_cut_records_are_errors(bytes in proptest::collection::vec(any::<u8>(), 0..120), cut in 1..50_usize) {
            let _ = ForeignRecord::decode(&bytes);
            let mut writer = ForeignWriter::new();
            let taken = writer.push(&Frame { received: UnixMicros(5), bytes: &[1; 50] });
            prop_assert!(taken);
            let payload = writer.finish(&sender(true));
            prop_assert!(ForeignRecord::decode(&payload[..payload.len() - cut]).is_err());
        }
    }

    #[test]
    fn frames_and_records_have_limits() {
        let mut writer = ForeignWriter::new();
        assert!(!writer.push(&Frame { received: UnixMicros(0), bytes: &vec![0; FRAME_BYTES_MAX + 1] }));
        let longest = vec![0; FRAME_BYTES_MAX];
        let taken = (0..100).take_while(|_| writer.push(&Frame { received: UnixMicros(0), bytes: &longest })).count();
        assert_eq!((taken, writer.frames()), (15, 15));
    }
}
