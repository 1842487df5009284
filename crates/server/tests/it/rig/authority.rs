//! A time stamp authority: OpenSSL behind a socket of this machine, which can be told to answer wrongly.

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::post;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio::net::TcpListener;
use yagura_store::StampRoots;

/// How it answers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answers {
    Honestly,
    Not,
    WithAnotherNonce,
    OverOtherData,
    CutInHalf,
    WithAnotherSignature,
    UnderAnotherAuthority,
    WithWebPage,
}

pub(crate) struct Authority {
    pub(crate) dir: Arc<TempDir>,
    pub(crate) url: String,
    answers: Arc<Mutex<Answers>>,
}

const CONFIG: &str = "[tsa]\ndefault_tsa=it\n[it]\nserial=serial\ncrypto_device=builtin\nsigner_digest=sha256\n\
                      default_policy=1.2.3.4.1\ndigests=sha256\naccuracy=secs:1\ness_cert_id_chain=no\ness_cert_id_alg=sha256\n";

/// One authority and one time stamper below it for each name.
const MAKE: &str = r"
    for name in good other; do
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $name-ca.key -out $name-ca.pem -days 30 -subj /CN=$name
        openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $name.key -out $name.csr -subj /CN=$name-stamps
        printf 'extendedKeyUsage=critical,timeStamping\n' > ext
        openssl x509 -req -in $name.csr -CA $name-ca.pem -CAkey $name-ca.key -CAcreateserial -days 30 -extfile ext -out $name.pem
    done";

impl Authority {
    /// `None` on a machine without OpenSSL.
    pub(crate) async fn start() -> Option<Self> {
        if Command::new("openssl").arg("version").output().is_err() {
            assert!(std::env::var_os("YAGURA_TEST_SERVICES").is_none(), "openssl is not installed");
            println!("skipped: openssl is not installed");
            return None;
        }
        let dir = Arc::new(TempDir::new().unwrap());
        std::fs::write(dir.path().join("tsa.cnf"), CONFIG).unwrap();
        let made = Command::new("sh").args(["-ec", MAKE]).current_dir(dir.path()).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let answers = Arc::new(Mutex::new(Answers::Honestly));
        let (place, how) = (Arc::clone(&dir), Arc::clone(&answers));
        let answer = move |body: Bytes| {
            let how = *how.lock().unwrap();
            let answer = reply(place.path(), &body, how);
            async move { answer }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/tsa", listener.local_addr().unwrap());
        let service = Router::new().route("/tsa", post(answer));
        tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
        Some(Self { dir, url, answers })
    }

    pub(crate) fn answer(&self, how: Answers) {
        *self.answers.lock().unwrap() = how;
    }

    pub(crate) fn roots(&self, name: &str) -> StampRoots {
        let pem = std::fs::read_to_string(self.dir.path().join(format!("{name}-ca.pem"))).unwrap();
        StampRoots::from_pem(&pem).unwrap()
    }
}

fn reply(dir: &Path, query: &[u8], how: Answers) -> Result<Vec<u8>, StatusCode> {
    let mut query = query.to_vec();
    let end = query.len();
    match how {
        Answers::Not => return Err(StatusCode::SERVICE_UNAVAILABLE),
        Answers::WithWebPage => return Ok(b"<html>Sign in to this network</html>".to_vec()),
        // Its last byte stands before the three bytes that ask for certificates.
        Answers::WithAnotherNonce => query[end - 4] ^= 1,
        Answers::OverOtherData => {
            let hash = query.windows(2).position(|it| it == [0x04, 0x20]).unwrap();
            query[hash + 2] ^= 1;
        }
        _ => {}
    }
    std::fs::write(dir.join("query"), query).unwrap();
    let name = if matches!(how, Answers::UnderAnotherAuthority) { "other" } else { "good" };
    let text = format!(
        "openssl ts -reply -queryfile query -config tsa.cnf -signer {name}.pem -inkey {name}.key -chain {name}-ca.pem -out reply"
    );
    let made = Command::new("sh").args(["-ec", &text]).current_dir(dir).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let mut reply = std::fs::read(dir.join("reply")).unwrap();
    let len = reply.len();
    match how {
        Answers::CutInHalf => reply.truncate(len / 2),
        // The signature is the last thing in it.
        Answers::WithAnotherSignature => reply[len - 5] ^= 1,
        _ => {}
    }
    Ok(reply)
}
