//! A whole server: it comes up, says where it is, goes down in order, and says clearly why it cannot start.

use crate::rig::{client, database};
use serde_json::json;
use std::path::Path;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use yagura_server::{Config, RawConfig, Ready, ServeError, serve};

async fn config(dir: &Path) -> Config {
    let state = if database::is_postgres() { Some(database::state_url(dir).await) } else { None };
    let raw = RawConfig {
        state,
        data_dir: Some(dir.to_owned()),
        api: Some("127.0.0.1:0".parse().unwrap()),
        gate: Some("127.0.0.1:0".parse().unwrap()),
        rules_dir: Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/rig")),
        ..RawConfig::default()
    };
    raw.try_into().unwrap()
}

struct Running {
    ready: Ready,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), ServeError>>,
}

async fn start(config: Config) -> Running {
    let (say, ready) = oneshot::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(serve(config, say, async move { drop(stopped.await) }));
    match ready.await {
        Ok(ready) => Running { ready, stop, task },
        Err(_) => panic!("{:?}", task.await.unwrap()),
    }
}

impl Running {
    async fn end(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap().unwrap();
    }
}

async fn refusal(config: Config) -> ServeError {
    let (say, _ready) = oneshot::channel();
    serve(config, say, async {}).await.unwrap_err()
}

#[tokio::test]
async fn a_server_comes_up_signs_its_operator_in_and_goes_down() {
    let dir = TempDir::new().unwrap();
    let running = start(config(dir.path()).await).await;
    let url = running.ready.console_url.clone().unwrap();
    let token = running
        .ready
        .sign_in_link
        .as_ref()
        .unwrap()
        .url
        .strip_prefix(&format!("{url}/sign-in#token="))
        .unwrap()
        .to_owned();
    let sign_in =
        |token: String| client().post(format!("{url}/api/v1/sign-in")).json(&json!({ "token": token })).send();
    assert_eq!(sign_in(token).await.unwrap().status(), 204);
    let link = yagura_server::sign_in_link(&database::parsed_url(dir.path()).await).await.unwrap();
    let token = link.url.split_once("#token=").unwrap().1.to_owned();
    assert_eq!(sign_in(token).await.unwrap().status(), 204);
    assert!(running.ready.recovery.is_none());
    running.end().await;
    start(config(dir.path()).await).await.end().await;
}

#[tokio::test]
async fn an_open_stream_does_not_hold_the_end_up() {
    let dir = TempDir::new().unwrap();
    let running = start(config(dir.path()).await).await;
    let url = running.ready.console_url.clone().unwrap();
    let token = running.ready.sign_in_link.as_ref().unwrap().url.split_once("#token=").unwrap().1.to_owned();
    let answer = client().post(format!("{url}/api/v1/sign-in")).json(&json!({ "token": token })).send().await.unwrap();
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let mut stream = client().get(format!("{url}/api/v1/stream")).header("cookie", cookie).send().await.unwrap();
    assert!(stream.chunk().await.unwrap().is_some());
    running.end().await;
    while let Ok(Some(_)) = stream.chunk().await {}
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let dir = TempDir::new().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = config(dir.path()).await;
    config.api = taken.local_addr().unwrap();
    let error = refusal(config).await;
    assert!(matches!(error, ServeError::PortTaken(address) if address == taken.local_addr().unwrap()), "{error}");
    assert_eq!(error.exit_code(), 4);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing was touched");
}

#[tokio::test]
async fn a_second_server_on_the_same_data_is_refused() {
    let dir = TempDir::new().unwrap();
    let running = start(config(dir.path()).await).await;
    let error = refusal(config(dir.path()).await).await;
    assert!(matches!(error, ServeError::Locked(_)), "{error}");
    assert_eq!(error.exit_code(), 4);
    running.end().await;
}

#[tokio::test]
async fn a_data_directory_that_cannot_be_made_is_named() {
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join("file"), "").unwrap();
    let path = dir.path().join("file/data");
    let error = refusal(config(&path).await).await;
    assert!(matches!(&error, ServeError::NotWritable(named) if *named == path), "{error:?}");
    assert_eq!(error.exit_code(), 4);
}

#[tokio::test]
async fn corrupt_evidence_is_named_with_file_and_byte() {
    let dir = TempDir::new().unwrap();
    {
        let rig = crate::rig::Rig::on(std::sync::Arc::new(TempDir::new_in(dir.path()).unwrap())).await;
        let mut device = rig.enrol("acme/kona-1/cgw", "Kona").await;
        for _ in 0..3 {
            rig.deliver(&device.report(&[])).await;
        }
        let kept = rig.end().await;
        let to = dir.path().join("data");
        std::fs::rename(kept.path(), &to).unwrap();
    }
    let data = dir.path().join("data");
    let segment = std::fs::read_dir(data.join("vault")).unwrap().map(|entry| entry.unwrap().path());
    let segment = segment.filter(|path| path.is_file()).max_by_key(|path| path.metadata().unwrap().len()).unwrap();
    let mut bytes = std::fs::read(&segment).unwrap();
    let middle = bytes.len() / 4;
    bytes[middle] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    let error = refusal(config(&data).await).await;
    assert!(matches!(error, ServeError::CorruptVault { .. }), "{error:?}");
    assert!(error.to_string().contains(segment.file_name().unwrap().to_str().unwrap()), "{error}");
    assert_eq!(error.exit_code(), 1);
}

#[tokio::test]
async fn data_of_a_newer_version_is_refused() {
    let dir = TempDir::new().unwrap();
    start(config(dir.path()).await).await.end().await;
    let insert = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                  VALUES (9999, 'future', TRUE, '', 0)";
    database::run_sql(dir.path(), insert).await;
    let error = refusal(config(dir.path()).await).await;
    let newest = if database::is_postgres() { 4 } else { 5 };
    let said = format!(
        "the data was written by a newer version of this program (schema 9999, this one knows {newest}): install that version"
    );
    assert_eq!(error.to_string(), said);
    assert_eq!(error.exit_code(), 3);
}

#[tokio::test]
async fn faulty_rules_stop_the_start_and_are_named() {
    let dir = TempDir::new().unwrap();
    let rules = dir.path().join("rules");
    std::fs::create_dir(&rules).unwrap();
    std::fs::write(rules.join("bad.yml"), "title: x\nid: 1\n").unwrap();
    let mut config = config(&dir.path().join("data")).await;
    config.rules.rules = Some(rules);
    let error = refusal(config).await;
    assert!(error.to_string().contains("bad.yml"), "{error}");
    assert_eq!(error.exit_code(), 3);
}

#[tokio::test]
async fn a_vault_that_lost_judged_records_is_refused() {
    let dir = TempDir::new().unwrap();
    start(config(dir.path()).await).await.end().await;
    database::run_sql(dir.path(), "UPDATE pipeline SET position = 7").await;
    let error = refusal(config(dir.path()).await).await;
    assert!(matches!(error, ServeError::EvidenceLost(_)), "{error:?}");
    assert_eq!(error.exit_code(), 1);
}

crate::on_postgres!(
    "serving.rs":
    a_server_comes_up_signs_its_operator_in_and_goes_down,
    an_open_stream_does_not_hold_the_end_up,
    a_second_server_on_the_same_data_is_refused,
    data_of_a_newer_version_is_refused,
    a_vault_that_lost_judged_records_is_refused;
    except "a_taken_port_is_named",
    "a_data_directory_that_cannot_be_made_is_named",
    "faulty_rules_stop_the_start_and_are_named",
    "corrupt_evidence_is_named_with_file_and_byte"
);
