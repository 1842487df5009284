//! What needs a real server: started by `scripts/services`, named by `YAGURA_TEST_*`. Without the variable a test says so and ends;
//! where `YAGURA_TEST_SERVICES=1` (CI) it fails instead.

use crate::objects::keeps_its_promises;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use yagura_model::UnixMicros;
use yagura_store::objects::{Locked, Objects, open_with};

/// The variable's value, if the service runs.
#[expect(clippy::print_stdout, reason = "says why nothing was tested")]
fn service(variable: &str, name: &str) -> Option<String> {
    let found = std::env::var(variable).ok();
    if found.is_none() {
        assert_ne!(std::env::var("YAGURA_TEST_SERVICES").as_deref(), Ok("1"), "{variable} is not set");
        println!("skipped: {variable} is not set (scripts/services start {name})");
    }
    found
}

#[expect(clippy::disallowed_methods, reason = "a prefix of its own for each run, and times that the server judges")]
fn now() -> UnixMicros {
    UnixMicros(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as i64)
}

pub(crate) fn prefix(test: &str) -> String {
    format!("{test}-{}-{}", now().0, std::process::id())
}

/// Where the S3 server is, and its bucket.
pub(crate) fn location() -> Option<(String, String)> {
    Some((service("YAGURA_TEST_S3", "s3")?, service("YAGURA_TEST_S3_BUCKET", "s3")?))
}

pub(crate) fn s3(bucket_variable: &str, test: &str) -> Option<Arc<dyn Objects>> {
    let endpoint = service("YAGURA_TEST_S3", "s3")?;
    let bucket = service(bucket_variable, "s3")?;
    let settings = [
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", "us-east-1"),
    ];
    Some(open_with(&format!("s3://{bucket}/{}", prefix(test)), &settings).unwrap())
}

pub(crate) fn azure(test: &str) -> Option<Arc<dyn Objects>> {
    let endpoint = service("YAGURA_TEST_AZURE", "azurite")?;
    let key = service("YAGURA_TEST_AZURE_KEY", "azurite")?;
    let container = service("YAGURA_TEST_AZURE_CONTAINER", "azurite")?;
    let settings = [
        ("AZURE_STORAGE_ENDPOINT", endpoint.as_str()),
        ("AZURE_STORAGE_ACCOUNT_NAME", "devstoreaccount1"),
        ("AZURE_STORAGE_ACCOUNT_KEY", key.as_str()),
    ];
    Some(open_with(&format!("az://{container}/{}", prefix(test)), &settings).unwrap())
}

#[test]
fn s3_keeps_the_promises_of_an_object_store() {
    if let Some(objects) = s3("YAGURA_TEST_S3_BUCKET", "promises") {
        keeps_its_promises(&objects);
        objects.put("x", b"1").unwrap();
        assert_eq!(objects.lock_until("x", UnixMicros(now().0 + 60_000_000)).unwrap(), Locked::Unsupported);
    }
}

#[test]
fn a_bucket_with_object_lock_holds_objects_fast() {
    if let Some(objects) = s3("YAGURA_TEST_S3_LOCKED_BUCKET", "locked") {
        objects.put_if_absent("x", b"evidence").unwrap();
        assert_eq!(objects.lock_until("x", UnixMicros(now().0 + 3_600_000_000)).unwrap(), Locked::Yes);
        assert_eq!(objects.get("x").unwrap().as_deref(), Some(&b"evidence"[..]));
    }
}

#[test]
fn azure_keeps_the_promises_of_an_object_store() {
    if let Some(objects) = azure("promises") {
        keeps_its_promises(&objects);
    }
}
