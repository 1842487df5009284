//! Messages of foreign sensors (AUTOSAR IdsR of other makers): over UDP, TCP and MQTT, with or without the protocol's signature.
//!
//! Not the messages' meaning (that is `sources`, in the pipeline) and no trust: whoever can send from a sender's address is that sender,
//! unless its messages are signed; rows say which. Invariants: a frame is kept as it came, with what the settings said of its sender at
//! that moment; what is not kept is counted by its reason. **UDP has no acknowledgement**: a datagram is lost when the kernel's buffer
//! is full, its sender is too fast ([`DATAGRAMS_PER_SECOND_MAX`]), or the vault does not keep up; the first only the kernel counts, the others are
//! counted here. Over TCP the stream waits instead; over MQTT the broker keeps the message until the frame is durable.

mod gather;
mod listen;
mod rate;

pub use gather::{Feed, GATHER, GATHERED_BYTES_MAX, WAITING_MAX};
pub use listen::{Address, AddressError, DATAGRAMS_PER_SECOND_MAX, STREAM_IDLE_MAX, STREAMS_MAX, serve_tcp, serve_udp};
