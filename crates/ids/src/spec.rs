//! What a specification (DBC, ARXML) says of data: where a signal lies, what it may be, what it tells of the vehicle.
//!
//! Not a decoder to physical values (`profile` has one): rules compare raw values. Rows come from a specification that
//! training traffic did not contradict; without one nothing here judges. Cost: O(1) a rule, rules of an identifier are bounded.

mod driving;
mod field;
mod span;

pub use driving::{DrivingState, MOVING_SPAN, SIGN_SPAN, Sign, StateRow};
pub use field::{Field, FieldError};

pub(crate) use driving::Driving;
pub(crate) use span::Span;
