//! Holds S3 objects fast: S3 Object Lock, one signed request an object.
//!
//! Not a setting of the bucket: it must have been made with object lock, else [`Locked::Unsupported`]. The mode is COMPLIANCE: not even
//! the account's owner can shorten it. Invariant: credentials are those of the store itself.

use super::location::{Setting, s3};
use super::{Locked, ObjectsError};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use object_store::aws::{AmazonS3ConfigKey, AwsAuthorizer, AwsCredentialProvider};
use object_store::client::{HttpClient, HttpConnector as _, HttpRequest, HttpRequestBody, ReqwestConnector};
use object_store::path::Path as Key;
use object_store::{ClientOptions, HeaderValue};
use sha2::{Digest as _, Sha256};
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use yagura_model::UnixMicros;

/// The longest answer that is shown in an error.
const ANSWER_BYTES_MAX: usize = 300;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Sends the requests for one bucket.
#[derive(Clone, Debug)]
pub(super) struct Locker {
    client: HttpClient,
    credentials: AwsCredentialProvider,
    region: String,
    /// URL of the bucket, without a slash at its end.
    bucket: String,
}

impl Locker {
    pub(super) fn open(url: &str, bucket: &str, settings: &[Setting<'_>]) -> Result<Self, ObjectsError> {
        let failed = |source: object_store::Error| ObjectsError::Open { url: url.to_owned(), source: source.into() };
        let builder = s3(bucket, settings);
        let region = builder.get_config_value(&AmazonS3ConfigKey::Region).unwrap_or_else(|| "us-east-1".to_owned());
        let endpoint = builder
            .get_config_value(&AmazonS3ConfigKey::Endpoint)
            .unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"));
        let options = ClientOptions::new()
            .with_timeout(Duration::from_secs(super::REQUEST_SECONDS_MAX))
            .with_allow_http(endpoint.starts_with("http://"));
        let client = ReqwestConnector::default().connect(&options).map_err(failed)?;
        let credentials = builder.build().map_err(failed)?.credentials().clone();
        Ok(Self { client, credentials, region, bucket: format!("{}/{bucket}", endpoint.trim_end_matches('/')) })
    }

    pub(super) async fn lock_until(&self, key: &Key, until: UnixMicros) -> Result<Locked, Failure> {
        let until = OffsetDateTime::from_unix_timestamp(until.0 / 1_000_000)?.format(&Rfc3339)?;
        let body = format!(
            "<Retention xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Mode>COMPLIANCE</Mode>\
             <RetainUntilDate>{until}</RetainUntilDate></Retention>"
        );
        let sum = BASE64_STANDARD.encode(Sha256::digest(&body));
        let mut request = HttpRequest::new(HttpRequestBody::from(body.into_bytes()));
        *request.method_mut() = "PUT".parse()?;
        *request.uri_mut() = format!("{}/{key}?retention", self.bucket).parse()?;
        request.headers_mut().insert("x-amz-checksum-sha256", HeaderValue::from_str(&sum)?);
        request.headers_mut().insert("content-type", HeaderValue::from_static("application/xml"));
        let credential = self.credentials.get_credential().await?;
        AwsAuthorizer::new(&credential, "s3", &self.region).authorize(&mut request, None);
        let response = self.client.execute(request).await?;
        let status = response.status();
        if status.is_success() {
            return Ok(Locked::Yes);
        }
        let answer = response.into_body().bytes().await?;
        let answer = String::from_utf8_lossy(answer.get(..ANSWER_BYTES_MAX.min(answer.len())).unwrap_or_default());
        // What S3 and its like say of a bucket made without object lock.
        let unsupported = ["InvalidRequest", "ObjectLockConfigurationNotFound", "NotImplemented"];
        if unsupported.iter().any(|code| answer.contains(code)) {
            return Ok(Locked::Unsupported);
        }
        Err(format!("the store answered {status}: {answer}").into())
    }
}
