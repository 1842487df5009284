//! What needs real servers beside this one, and may stop and start them.

mod mqtt;
mod postgres;
