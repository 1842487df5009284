//! Every answer of the gate that is not a success: status, words, and what the device should do next.
//!
//! Not a decision: handlers decide, this file maps a [`Refusal`] to HTTP, in one place (STYLE rule 7). The body is
//! `application/problem+json` (RFC 9457) with `next_step` and `error_id`; docs/format/gate.md lists all of them. Invariant: only
//! 503 and 408 mean "send the same bytes again"; any other refusal of a report is final.

use super::registry::RegistryError;
use crate::identity::RequestError;
use crate::intake::IntakeError;
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, Response, StatusCode};
use axum::response::IntoResponse;
use serde::Serialize;
use yagura_link::{OpenError, RefuseReason};
use yagura_model::DeviceId;
