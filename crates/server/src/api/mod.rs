//! The JSON API that the console, the command line and scripts use.
//!
//! Not a place for decisions: a handler reads the state, the vault or the lake and writes the words of [`types`]. Invariants: every
//! handler but sign-in takes a [`Session`](crate::auth::Session), and asks for that session's tenant alone; what changes something
//! is a POST from a page of this server; console/openapi.json says the same as the router (test).

mod alert_page;
mod alerts;
mod app;
mod decisions;
mod evidence;
mod evidence_log;
mod evidence_reads;
mod findings;
mod follow;
mod hunts;
mod incidents;
mod input;
mod live;
mod overview;
mod owners;
mod problem;
mod products;
mod query;
mod rules;
mod sign_in;
mod stream;
pub mod time;
mod timeline;
pub mod types;
mod vehicles;
mod views;
mod why;

pub use alert_page::RECORDS_MAX;
pub use alerts::{NOTE_CHARS_MAX, PAGE_MAX};
pub use app::App;
pub use evidence_log::{EvidenceLog, EvidenceLogError, Proven};
pub use evidence_reads::LOOKED_THROUGH_MAX;
pub use follow::{LOOK_EVERY, follow};
pub(crate) use incidents::incident as incident_view;
pub use input::BODY_BYTES_MAX;
pub use live::{Health, LIVE_ALERTS_MAX, Live, News};
pub use problem::ApiError;
pub use products::SBOM_BYTES_MAX;
pub use rules::DAYS_MAX;
pub use stream::STREAMS_MAX;
pub use timeline::{EVENTS_MAX, RANGE_US_MAX, STATES_MAX};
pub(crate) use views::{alert as alert_view, severity_id};

use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, header};
use axum::routing::{get, post};
use axum::{Router, middleware};
use tower_http::compression::CompressionLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa::OpenApi;

/// The document that describes the API.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Yagura",
        version = "1",
        description = "What the console, the command line and scripts use. Times are RFC 3339, UTC, with microseconds.",
        license(name = "Apache-2.0")
    ),
    paths(
        sign_in::sign_in,
        sign_in::sign_out,
        sign_in::me,
        overview::overview,
        alerts::alerts,
        alert_page::alert,
        alerts::set_alert_status,
        alert_page::alert_frames,
        incidents::incidents,
        incidents::one,
        incidents::set_incident_status,
        vehicles::vehicles,
        vehicles::vehicle,
        timeline::timeline,
        evidence::evidence,
        evidence::evidence_raw,
        evidence_reads::evidence_reads,
        overview::catalogue,
        query::query,
        rules::rules,
        rules::rule,
        hunts::begin,
        hunts::hunts,
        hunts::hunt,
        hunts::stop,
        owners::people,
        owners::set_person,
        owners::set_route,
        products::products,
        products::set_product,
        products::one,
        products::set_version,
        products::version,
        products::put_sbom,
        products::components,
        findings::findings,
        findings::one,
        findings::changes,
        findings::advisory,
        decisions::decide,
        decisions::decisions,
        decisions::undo,
        decisions::vex,
        stream::stream
    ),
    components(schemas(decisions::VexFormat, types::IncidentSort, types::Problem, types::Tick))
)]
struct Document;

/// The document that describes the API, as it is served and as console/openapi.json holds it.
#[must_use]
pub fn openapi_json() -> String {
    let mut text = Document::openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// Policy of every page: nothing from elsewhere, nothing inline, no frame around it.
const CONTENT_SECURITY_POLICY: &str = concat!(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; ",
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
);

/// The API and the console.
pub fn router(app: App) -> Router {
    let api = Router::new()
        .route("/sign-in", post(sign_in::sign_in))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/me", get(sign_in::me))
        .route("/overview", get(overview::overview))
        .route("/alerts", get(alerts::alerts))
        .route("/alerts/{id}", get(alert_page::alert))
        .route("/alerts/{id}/status", post(alerts::set_alert_status))
        .route("/alerts/{id}/frames", get(alert_page::alert_frames))
        .route("/incidents", get(incidents::incidents))
        .route("/incidents/{id}", get(incidents::one))
        .route("/incidents/{id}/status", post(incidents::set_incident_status))
        .route("/vehicles", get(vehicles::vehicles))
        .route("/vehicles/{vehicle}", get(vehicles::vehicle))
        .route("/vehicles/{vehicle}/timeline", get(timeline::timeline))
        .route("/evidence/reads", get(evidence_reads::evidence_reads))
        .route("/evidence/{position}", get(evidence::evidence))
        .route("/evidence/{position}/raw", get(evidence::evidence_raw))
        .route("/catalogue", get(overview::catalogue))
        .route("/query", post(query::query))
        .route("/rules", get(rules::rules))
        .route("/rules/{id}", get(rules::rule))
        .route("/hunts", get(hunts::hunts).post(hunts::begin))
        .route("/hunts/{id}", get(hunts::hunt))
        .route("/hunts/{id}/stop", post(hunts::stop))
        .merge(products())
        .route("/stream", get(stream::stream))
        .route("/openapi.json", get(openapi))
        .fallback(async || ApiError::NotFound("path"))
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
        .layer(SetResponseHeaderLayer::if_not_present(header::CACHE_CONTROL, HeaderValue::from_static("no-store")));
    let origins = app.origins.clone();
    let fixed = |name, value| SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value));
    Router::new()
        .nest("/api/v1", api)
        .fallback(crate::assets::serve)
        .layer(CompressionLayer::new())
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(origins, crate::auth::check_origin))
        .layer(fixed(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .layer(fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(fixed(header::REFERRER_POLICY, "no-referrer"))
        .layer(fixed(header::X_FRAME_OPTIONS, "DENY"))
        .with_state(app)
}

/// Products and what is known to be wrong with them.
fn products() -> Router<App> {
    Router::new()
        .route("/people", get(owners::people).post(owners::set_person))
        .route("/people/routes", post(owners::set_route))
        .route("/products", get(products::products).post(products::set_product))
        .route("/products/{id}", get(products::one))
        .route("/products/{id}/versions", post(products::set_version))
        .route("/versions/{id}", get(products::version))
        .route("/versions/{id}/sbom", post(products::put_sbom))
        .route("/versions/{id}/vex", get(decisions::vex))
        .route("/components", get(products::components))
        .route("/findings", get(findings::findings))
        .route("/findings/changes", get(findings::changes))
        .route("/findings/{id}", get(findings::one))
        .route("/advisories/{id}", get(findings::advisory))
        .route("/decisions", get(decisions::decisions).post(decisions::decide))
        .route("/decisions/{id}/undo", post(decisions::undo))
}

async fn openapi() -> ([(header::HeaderName, &'static str); 1], String) {
    ([(header::CONTENT_TYPE, "application/json")], openapi_json())
}
