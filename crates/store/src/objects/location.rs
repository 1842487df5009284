//! What an object store's URL means.
//!
//! Opens no connection. The environment is read here alone, when a store is made.

use super::{ObjectsError, REQUEST_SECONDS_MAX, RETRIES_MAX, RETRY_SECONDS_MAX};
use object_store::aws::{AmazonS3Builder, Checksum};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Where objects are.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Location {
    /// A directory of this machine.
    Directory(PathBuf),
    /// A bucket of S3 or of what speaks like it.
    S3 {
        /// The bucket.
        bucket: String,
        /// Keys begin with this and `/`, if it is not empty.
        prefix: String,
    },
    /// A container of Azure Blob Storage.
    Azure {
        /// The container.
        container: String,
        /// Keys begin with this and `/`, if it is not empty.
        prefix: String,
    },
}

impl Location {
    /// Reads a URL.
    ///
    /// # Errors
    /// [`ObjectsError::Url`]
    pub fn parse(url: &str) -> Result<Self, ObjectsError> {
        let wrong = || ObjectsError::Url { url: url.to_owned() };
        let cloud = |rest: &str| {
            let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            let prefix = prefix.trim_matches('/');
            let good = !name.is_empty() && (prefix.is_empty() || super::check_key(prefix).is_ok());
            good.then(|| (name.to_owned(), prefix.to_owned())).ok_or_else(wrong)
        };
        if let Some(rest) = url.strip_prefix("s3://") {
            cloud(rest).map(|(bucket, prefix)| Self::S3 { bucket, prefix })
        } else if let Some(rest) = url.strip_prefix("az://") {
            cloud(rest).map(|(container, prefix)| Self::Azure { container, prefix })
        } else {
            let path = url.strip_prefix("file://").unwrap_or(url);
            let good = !path.is_empty() && !path.contains("://");
            good.then(|| Self::Directory(path.into())).ok_or_else(wrong)
        }
    }
}

/// A setting of a cloud store: name as in the environment, value.
pub type Setting<'a> = (&'a str, &'a str);

/// The store of a URL as crate `object_store` has it, and what its keys begin with: for libraries that speak to it directly.
///
/// # Errors
/// [`ObjectsError::Url`], [`ObjectsError::Open`]
pub fn native(url: &str, settings: &[Setting<'_>]) -> Result<(Arc<dyn ObjectStore>, Key), ObjectsError> {
    let failed = |source: object_store::Error| ObjectsError::Open { url: url.to_owned(), source: source.into() };
    Ok(match Location::parse(url)? {
        Location::Directory(dir) => {
            let store = std::fs::create_dir_all(&dir)
                .map_err(|source| ObjectsError::Open { url: url.to_owned(), source: source.into() })
                .and_then(|()| LocalFileSystem::new_with_prefix(&dir).map_err(failed))?;
            (Arc::new(store), Key::default())
        }
        Location::S3 { bucket, prefix } => {
            (Arc::new(s3(&bucket, settings).build().map_err(failed)?), Key::from(prefix))
        }
        Location::Azure { container, prefix } => {
            (Arc::new(azure(&container, settings).build().map_err(failed)?), Key::from(prefix))
        }
    })
}

pub(super) fn s3(bucket: &str, settings: &[Setting<'_>]) -> AmazonS3Builder {
    let plain = plain_endpoint(settings, &["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"]);
    let mut builder = AmazonS3Builder::from_env();
    for (name, value) in settings {
        if let Ok(name) = name.to_ascii_lowercase().parse() {
            builder = builder.with_config(name, *value);
        }
    }
    builder
        .with_bucket_name(bucket)
        .with_retry(retry())
        // The store checks what arrived, and a bucket with object lock wants it.
        .with_checksum_algorithm(Checksum::SHA256)
        .with_client_options(client(plain || is_set("AWS_ALLOW_HTTP")))
}

fn azure(container: &str, settings: &[Setting<'_>]) -> MicrosoftAzureBuilder {
    let plain = plain_endpoint(settings, &["AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"]);
    let mut builder = MicrosoftAzureBuilder::from_env();
    for (name, value) in settings {
        if let Ok(name) = name.to_ascii_lowercase().parse() {
            builder = builder.with_config(name, *value);
        }
    }
    builder
        .with_container_name(container)
        .with_retry(retry())
        .with_client_options(client(plain || is_set("AZURE_ALLOW_HTTP")))
}

/// Plain HTTP is allowed to an endpoint that the operator wrote so.
fn plain_endpoint(settings: &[Setting<'_>], names: &[&str]) -> bool {
    names.iter().any(|name| {
        let given = settings.iter().find(|(n, _)| n == name).map(|(_, value)| (*value).to_owned());
        given.or_else(|| std::env::var(name).ok()).is_some_and(|url| url.starts_with("http://"))
    })
}

fn is_set(variable: &str) -> bool {
    std::env::var(variable).is_ok_and(|value| value == "true" || value == "1")
}

fn client(allow_http: bool) -> ClientOptions {
    ClientOptions::new().with_timeout(Duration::from_secs(REQUEST_SECONDS_MAX)).with_allow_http(allow_http)
}

fn retry() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: RETRIES_MAX,
        retry_timeout: Duration::from_secs(RETRY_SECONDS_MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_a_directory_a_bucket_or_a_container() {
        let s3 = Location::S3 { bucket: "b".into(), prefix: "p/q".into() };
        assert_eq!(Location::parse("s3://b/p/q/").ok(), Some(s3));
        let azure = Location::Azure { container: "c".into(), prefix: String::new() };
        assert_eq!(Location::parse("az://c").ok(), Some(azure));
        assert_eq!(Location::parse("file:///x/y").ok(), Some(Location::Directory("/x/y".into())));
        assert_eq!(Location::parse("x/y").ok(), Some(Location::Directory("x/y".into())));
        for wrong in ["", "s3://", "s3:///p", "ftp://x", "az://c/../p"] {
            assert!(Location::parse(wrong).is_err(), "{wrong}");
        }
    }
}
