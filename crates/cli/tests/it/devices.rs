//! `yagura device …` beside a running server: a device is let in, revoked, kept out, and let in again.

use crate::process::{Addresses, Server, TENANT, run};
use std::time::{Duration, Instant};
use yagura_model::DeviceId;
use yagura_sim::{Https, Keep, Standing, Transport, enrol};

/// How long a test waits for what should take a second.
const WAIT_MAX: Duration = Duration::from_secs(30);

fn device_command(words: &[&str], data: &str) -> (Option<i32>, String, String) {
    let output = run(&[&["device"], words, &["--data", data]].concat());
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().trim().to_owned();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

async fn connect(server: &Server, folder: &std::path::Path, device: &DeviceId, token: String) -> Https {
    let (gate, trust) = (server.announcement.gate.as_deref().unwrap(), &server.announcement.ca_pem);
    let keep = Keep::open(folder, &device.vehicle).unwrap();
    let anonymous = Https::anonymous(gate, trust).unwrap();
    let enrolled = enrol(&keep, device, &anonymous, trust, async { Ok(token) }).await.unwrap();
    Https::new(gate, &enrolled.identity, &enrolled.key_pem).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_is_revoked_by_another_process_at_once_and_let_in_again_by_a_new_token() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("server").display().to_string();
    let server = Server::start(dir.path().join("server").as_path(), Addresses::free());
    let name = format!("{TENANT}/kona-1/cgw");
    let device: DeviceId = name.parse().unwrap();
    let (_, token, _) = device_command(&["token", &name, "--model", "Kona"], &data);
    let road = connect(&server, &dir.path().join("first"), &device, token).await;
    assert!(matches!(road.resume().await, Standing::At(None)));
    assert_eq!(device_command(&["list"], &data).1, format!("{name}  Kona"));

    let (code, said, _) = device_command(&["revoke", &name, "--reason", "key leaked"], &data);
    assert_eq!((code, said.contains("is revoked")), (Some(0), true), "{said}");
    let start = Instant::now();
    while matches!(road.resume().await, Standing::At(None)) {
        assert!(start.elapsed() < WAIT_MAX, "a revoked device is still let in");
    }
    println!("refused after {:?}", start.elapsed());
    assert_eq!(device_command(&["list"], &data).1, format!("{name}  Kona  REVOKED: key leaked"));
    let shown: serde_json::Value = serde_json::from_str(&device_command(&["show", &name, "--json"], &data).1).unwrap();
    assert_eq!((shown["certificates"].as_i64(), shown["revoked_reason"].as_str()), (Some(1), Some("key leaked")));
    assert!(device_command(&["revoke", &name], &data).1.contains("was revoked before"));
    let (code, _, why) = device_command(&["revoke", &format!("{TENANT}/nobody/cgw")], &data);
    assert_eq!((code, why.contains("never enrolled")), (Some(3), true), "{why}");

    let (_, token, _) = device_command(&["token", &name, "--model", "Kona"], &data);
    let again = connect(&server, &dir.path().join("second"), &device, token).await;
    assert!(matches!(again.resume().await, Standing::At(None)));
    assert!(device_command(&["show", &name], &data).1.contains("revoked      no"));
    server.stop();
}

#[test]
fn quotas_that_cannot_be_used_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let (data, file) = (dir.path().join("data").display().to_string(), dir.path().join("quotas.toml"));
    std::fs::write(&file, "[default]\ntenant_bytes_per_second = 0\n").unwrap();
    let output = run(&["serve", "--data", &data, "--quotas", &file.display().to_string()]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.contains("quota tenant_bytes_per_second is 0"), "{text}");
}
