//! The words of Yagura as types: frames, identifiers, times, security events, vehicle state.
//!
//! Not here: any decision, any I/O, any wire format. Types derive no `Serialize`; each edge owns its twins.
//! Invariant: a value that exists is legal. Cost: `no_std`, no allocation, everything `Copy` where it is small.
#![no_std]

mod can_id;
mod event;
mod frame;
mod name;
mod state;
mod time;

pub use can_id::{CanId, ExtendedId, IdTooLarge, StandardId};
pub use event::{CanContext, CanContextError, EventId, Place, SecurityEvent, Severity};
pub use frame::{BusId, Frame, FrameKind, Payload, PayloadTooLong};
pub use name::{DeviceId, Name, NameError};
pub use state::{Gear, VehicleState};
pub use time::{Micros, UnixMicros};
