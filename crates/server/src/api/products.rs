//! Products, their versions and SBOMs, and who holds a component.
//!
//! Not findings (`findings`). An SBOM is read to a bound, matched at once, and kept as it came. Cost of an upload: reading and matching it on a
//! thread of its own, then one transaction.

use super::input::{Asked, Body, Named, digest_of_hex};
use super::owners::{InCharge, known, text};
use super::types::{
    ComponentList, HeldComponent, OpenFindings, Problem, Product, ProductDetail, ProductKind, ProductList,
    ProductVersion, SEVERITIES, SbomAnomaly, SetProduct, SetVersion, Unidentified, VersionDetail, VersionName,
};
use super::{ApiError, App, views};
use crate::auth::{Session, hex};
use crate::clock;
use crate::psirt::{MatchError, match_sbom};
use crate::state::{ComponentRow, NewProduct, NewSbom, OpenCount, ProductRow, ReleaseRow};
use axum::Json;
use axum::body::Body as RawBody;
use axum::extract::State;
use futures::StreamExt as _;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use tokio::task::spawn_blocking;

/// The largest SBOM that is taken, in bytes as it is sent.
pub const SBOM_BYTES_MAX: usize = 64 << 20;

/// The portfolio: products with what waits for somebody.
#[utoipa::path(
    get, path = "/api/v1/products",
    responses(
        (status = 200, description = "The products", body = ProductList),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn products(State(app): State<App>, session: Session) -> Result<Json<ProductList>, ApiError> {
    let rows = app.state.products(session.tenant()).await?;
    let releases = app.state.releases(session.tenant(), None).await?;
    let open = open(&app, &session).await?;
    let products = rows.iter().map(|row| product(row, &releases, &open)).collect();
    let advisory_segments = app.knowledge.now().segments_count() as u64;
    Ok(Json(ProductList { products, advisory_segments }))
}

/// Add a product, or change the one of this name.
#[utoipa::path(
    post, path = "/api/v1/products", request_body = SetProduct,
    responses(
        (status = 200, description = "The product as it now is", body = ProductDetail),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn set_product(
    State(app): State<App>,
    session: Session,
    Body(wish): Body<SetProduct>,
) -> Result<Json<ProductDetail>, ApiError> {
    let new = NewProduct {
        name: text("name", &wish.name)?,
        kind: match wish.kind {
            ProductKind::VehicleLine => 0,
            ProductKind::Ecu => 1,
            ProductKind::Software => 2,
        },
        line: if wish.line.trim().is_empty() { String::new() } else { text("line", &wish.line)? },
        owner: known(&app, &session, "owner", wish.owner.as_deref()).await?,
        models: wish.models.iter().map(|model| text("models", model)).collect::<Result<_, _>>()?,
    };
    let id = app.state.set_product(&session.person, &new, clock::now()).await?;
    Ok(Json(detail(&app, &session, &id).await?))
}

/// A product with its versions.
#[utoipa::path(
    get, path = "/api/v1/products/{id}", operation_id = "product", params(("id" = String, Path, description = "Product")),
    responses(
        (status = 200, description = "The product", body = ProductDetail),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn one(
    State(app): State<App>,
    session: Session,
    Named(id): Named<String>,
) -> Result<Json<ProductDetail>, ApiError> {
    let id = digest_of_hex(&id).ok_or(ApiError::NotFound("product"))?;
    Ok(Json(detail(&app, &session, &id).await?))
}

/// Add a version of a product, or say how many vehicles run it.
#[utoipa::path(
    post, path = "/api/v1/products/{id}/versions", params(("id" = String, Path, description = "Product")),
    request_body = SetVersion,
    responses(
        (status = 200, description = "The version as it now is", body = VersionDetail),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn set_version(
    State(app): State<App>,
    session: Session,
    Named(id): Named<String>,
    Body(wish): Body<SetVersion>,
) -> Result<Json<VersionDetail>, ApiError> {
    let product = digest_of_hex(&id).ok_or(ApiError::NotFound("product"))?;
    let version = (&*text("version", &wish.version)?, i64::from(wish.vehicles));
    let id = app.state.set_release(&session.person, &product, version, clock::now()).await?;
    Ok(Json(version_detail(&app, &session, &id.ok_or(ApiError::NotFound("product"))?).await?))
}

/// A version of a product, with what is known of its SBOM.
#[utoipa::path(
    get, path = "/api/v1/versions/{id}", params(("id" = String, Path, description = "Version of a product")),
    responses(
        (status = 200, description = "The version", body = VersionDetail),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn version(
    State(app): State<App>,
    session: Session,
    Named(id): Named<String>,
) -> Result<Json<VersionDetail>, ApiError> {
    let id = digest_of_hex(&id).ok_or(ApiError::NotFound("version"))?;
    Ok(Json(version_detail(&app, &session, &id).await?))
}

/// Upload the SBOM of a version, in any format, compressed or not, of at most 64 MiB. It is matched at once.
#[utoipa::path(
    post, path = "/api/v1/versions/{id}/sbom", params(("id" = String, Path, description = "Version of a product")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 200, description = "The version with its findings counted", body = VersionDetail),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn put_sbom(
    State(app): State<App>,
    session: Session,
    Named(id): Named<String>,
    body: RawBody,
) -> Result<Json<VersionDetail>, ApiError> {
    let id = digest_of_hex(&id).ok_or(ApiError::NotFound("version"))?;
    let there = app.state.release(session.tenant(), &id).await?;
    there.ok_or(ApiError::NotFound("version"))?;
    let bytes = bounded(body).await?;
    let (knowledge, now) = (app.knowledge.clone(), clock::now());
    let work = move || {
        // What cannot be opened anew is said by the keeper; what was known before holds.
        let known = knowledge.look().unwrap_or_else(|_| knowledge.now());
        let matched = match_sbom(&known, &bytes, now)?;
        let digest: [u8; 32] = Sha256::digest(&bytes).into();
        Ok::<_, MatchError>((bytes, digest, matched, known))
    };
    let (bytes, digest, matched, known) = spawn_blocking(work).await.map_err(ApiError::internal)??;
    app.state.note_mark(known.mark(), &known.digests().collect::<Vec<_>>()).await?;
    let sbom = NewSbom { bytes: &bytes, digest: &digest, matched: &matched, mark: known.mark() };
    app.state.put_sbom(&session.person, &id, sbom, now).await?.ok_or(ApiError::NotFound("version"))?;
    Ok(Json(version_detail(&app, &session, &id).await?))
}

impl From<MatchError> for ApiError {
    fn from(error: MatchError) -> Self {
        match error {
            MatchError::Sbom(_) | MatchError::TooMany { .. } => Self::BadInput { what: "SBOM", why: error.to_string() },
            MatchError::Knowledge(_) | MatchError::Segment(_) => Self::internal(error),
        }
    }
}

/// The body, at most [`SBOM_BYTES_MAX`].
async fn bounded(body: RawBody) -> Result<Vec<u8>, ApiError> {
    let (mut chunks, mut bytes) = (body.into_data_stream(), Vec::new());
    while let Some(chunk) = chunks.next().await {
        let broken = |error: axum::Error| ApiError::BadInput { what: "body", why: error.to_string() };
        let chunk = chunk.map_err(broken)?;
        if bytes.len() + chunk.len() > SBOM_BYTES_MAX {
            return Err(ApiError::TooLarge { max: SBOM_BYTES_MAX });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Which components are wanted.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ComponentQuery {
    /// The beginning of a package URL: `pkg:deb/debian/openssl`.
    purl: Option<String>,
    /// A name.
    name: Option<String>,
}

/// Which product versions hold a component.
#[utoipa::path(
    get, path = "/api/v1/components", params(ComponentQuery),
    responses(
        (status = 200, description = "The components", body = ComponentList),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn components(
    State(app): State<App>,
    session: Session,
    Asked(asked): Asked<ComponentQuery>,
) -> Result<Json<ComponentList>, ApiError> {
    if asked.purl.is_none() && asked.name.is_none() {
        return Err(ApiError::BadInput { what: "query", why: "neither purl nor name is given".to_owned() });
    }
    let wanted = (asked.purl.as_deref(), asked.name.as_deref());
    let rows = app.state.components(session.tenant(), wanted).await?;
    let in_charge = InCharge::of(&app, &session).await?;
    let products = app.state.products(session.tenant()).await?;
    let products: HashMap<&[u8], &ProductRow> = products.iter().map(|row| (row.product_id.as_slice(), row)).collect();
    let releases = app.state.releases(session.tenant(), None).await?;
    let releases: HashMap<&[u8], &ReleaseRow> = releases.iter().map(|row| (row.release_id.as_slice(), row)).collect();
    let held = |row: ComponentRow| {
        let release = releases.get(row.release_id.as_slice())?;
        let product = products.get(release.product_id.as_slice())?;
        Some(HeldComponent {
            owner: in_charge.responsible(row.purl.as_deref(), product.owner_id.as_deref()),
            identified: row.tried.is_none(),
            held_by: VersionName {
                id: hex(&release.release_id),
                product: hex(&product.product_id),
                product_name: product.name.clone(),
                version: release.version.clone(),
                vehicles: views::count(release.vehicles),
            },
            name: row.name,
            version: row.version,
            purl: row.purl,
        })
    };
    Ok(Json(ComponentList { components: rows.into_iter().filter_map(held).collect() }))
}

type Open = HashMap<Vec<u8>, Vec<OpenCount>>;

async fn open(app: &App, session: &Session) -> Result<Open, ApiError> {
    let mut open = Open::new();
    for row in app.state.findings_open(session.tenant()).await? {
        open.entry(row.release_id.clone()).or_default().push(row);
    }
    Ok(open)
}

fn sum<'a>(rows: impl Iterator<Item = &'a OpenCount>) -> OpenFindings {
    let mut open = OpenFindings::default();
    for row in rows {
        let severity = usize::try_from(row.severity - 1).ok().and_then(|at| SEVERITIES.get(at));
        let name = format!("{:?}", severity.copied().unwrap_or(SEVERITIES[0])).to_lowercase();
        *open.by_severity.entry(name).or_default() += views::count(row.findings);
        open.exploited += views::count(row.exploited);
    }
    open
}

async fn detail(app: &App, session: &Session, id: &[u8; 32]) -> Result<ProductDetail, ApiError> {
    let row = app.state.product(session.tenant(), id).await?.ok_or(ApiError::NotFound("product"))?;
    let releases = app.state.releases(session.tenant(), Some(id)).await?;
    let open = open(app, session).await?;
    Ok(ProductDetail {
        product: product(&row, &releases, &open),
        versions: releases.iter().map(|row| release(row, &open)).collect(),
    })
}

async fn version_detail(app: &App, session: &Session, id: &[u8; 32]) -> Result<VersionDetail, ApiError> {
    let (state, tenant) = (&app.state, session.tenant());
    let row = state.release(tenant, id).await?.ok_or(ApiError::NotFound("version"))?;
    let of = state.product(tenant, &row.product_id).await?.ok_or(ApiError::NotFound("version"))?;
    let releases = state.releases(tenant, Some(&row.product_id)).await?;
    let open = open(app, session).await?;
    let unidentified = state.unidentified(tenant, id).await?.into_iter().map(|row| Unidentified {
        name: row.name,
        version: row.version,
        tried: row.tried.unwrap_or_default().lines().map(str::to_owned).collect(),
    });
    let anomalies = row.anomalies.lines().filter_map(|line| line.split_once('\t'));
    let anomaly = |(place, what): (&str, &str)| SbomAnomaly { place: place.to_owned(), what: what.to_owned() };
    Ok(VersionDetail {
        product: product(&of, &releases, &open),
        version: release(&row, &open),
        anomalies: anomalies.map(anomaly).collect(),
        unidentified: unidentified.collect(),
    })
}

fn product(row: &ProductRow, releases: &[ReleaseRow], open: &Open) -> Product {
    let own = || releases.iter().filter(|release| release.product_id == row.product_id);
    Product {
        id: hex(&row.product_id),
        name: row.name.clone(),
        kind: match row.kind {
            0 => ProductKind::VehicleLine,
            1 => ProductKind::Ecu,
            _ => ProductKind::Software,
        },
        line: row.line.clone(),
        owner: row.owner_id.as_deref().map(hex),
        models: row.models.lines().map(str::to_owned).collect(),
        versions: own().count() as u64,
        newest: own().next().map(|release| release.version.clone()),
        vehicles: own().map(|release| views::count(release.vehicles)).sum(),
        open: sum(own().filter_map(|release| open.get(&release.release_id)).flatten()),
    }
}

fn release(row: &ReleaseRow, open: &Open) -> ProductVersion {
    ProductVersion {
        id: hex(&row.release_id),
        product: hex(&row.product_id),
        version: row.version.clone(),
        vehicles: views::count(row.vehicles),
        added_time: views::time(row.added_us),
        sbom: row.sbom.as_deref().map(hex),
        format: row.format.clone(),
        components: views::count(row.components),
        unidentified: views::count(row.unidentified),
        unversioned: views::count(row.unversioned),
        matched_time: Some(row.matched_us).filter(|time| *time > 0).map(views::time),
        open: sum(open.get(&row.release_id).into_iter().flatten()),
    }
}
