//! Memory of an idle connection: thousands of vehicles that connected, asked once and now wait, held by another process.
//!
//! As many as the limits of file descriptors allow, from several loopback addresses. Memory grows with each connection alike, so the
//! figure for 100,000 is that of one, times 100,000.

use crate::cpu;
use crate::fleet::{World, tls};
use crate::{Fallible, print};
use ed25519_dalek::SigningKey;
use rustls::pki_types::ServerName;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use yagura_server::gate::{Capacity, Counted};

/// The environment variable that makes this program the other process: gate, file of certificates, trust, HTTP version.
pub(crate) const HOLDER: &str = "YAGURA_BENCH_HOLDER";
const CONNECTIONS_MAX: usize = 100_000;
const ADDRESSES: usize = 8;
const AT_ONCE: usize = 64;

/// How many vehicles there can be.
pub(crate) fn vehicles() -> usize {
    Capacity::of_process().connections.saturating_sub(1000).min(CONNECTIONS_MAX)
}

pub(crate) fn run(world: &World, dir: &Path) -> Fallible<()> {
    let certificates: Vec<&str> = world.devices.iter().map(|device| device.certificate.as_str()).collect();
    std::fs::write(dir.join("certificates.pem"), certificates.concat())?;
    std::fs::write(dir.join("trust.pem"), &world.trust)?;
    for protocol in ["http/1.1", "h2"] {
        let open = || {
            let (opened, closed) = (Counted::ConnectionOpened, Counted::ConnectionClosed);
            world.counters.total(opened) - world.counters.total(closed)
        };
        let (resident, kernel) = (cpu::resident(), cpu::kernel());
        let mut holder = Command::new(std::env::current_exe()?)
            .env(HOLDER, format!("{} {} {protocol}", world.address, dir.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(holder.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        let connections = open() as f64;
        let bytes = (cpu::resident() - resident) / connections;
        let name = protocol.replace(['/', '.'], "_");
        print(&format!("gate_idle_connections_{name}"), connections, "connections open");
        print(&format!("gate_idle_bytes_{name}"), bytes, "bytes of the gate's process a connection");
        print(&format!("gate_idle_100k_{name}"), bytes / 10.0, "MB of the gate's process for 100,000 connections");
        print(
            &format!("gate_idle_kernel_{name}"),
            (cpu::kernel() - kernel) / connections,
            "bytes of kernel buffers a connection, both ends",
        );
        drop(holder.stdin.take());
        holder.wait()?;
        while open() > 0 {
            std::thread::yield_now();
        }
    }
    Ok(())
}

/// The other process: connects, asks once on each connection, says so, and holds them until its input ends.
pub(crate) async fn hold(order: &str) -> Fallible<()> {
    let mut words = order.split(' ');
    let mut word = || words.next().ok_or("incomplete order");
    let (address, dir, protocol): (SocketAddr, _, _) =
        (word()?.parse()?, Path::new(word()?).to_owned(), word()?.to_owned());
    // The soft limit of this process too.
    let _ = Capacity::of_process();
    let trust = std::fs::read_to_string(dir.join("trust.pem"))?;
    let certificates = std::fs::read_to_string(dir.join("certificates.pem"))?;
    let (turns, key) = (Arc::new(Semaphore::new(AT_ONCE)), SigningKey::from_bytes(&[7; 32]));
    let mut connecting = JoinSet::new();
    for (nth, certificate) in certificates.split_inclusive("-----END CERTIFICATE-----\n").enumerate() {
        let turn = Arc::clone(&turns).acquire_owned().await?;
        let mut config = tls(certificate, &key, &trust)?;
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        connecting.spawn(async move {
            let connected = ask(address, nth, Arc::new(config)).await;
            drop(turn);
            connected
        });
    }
    let mut held = Vec::new();
    while let Some(connected) = connecting.join_next().await {
        held.push(connected??);
    }
    writeln!(std::io::stdout(), "{}", held.len())?;
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(())
}

async fn ask(address: SocketAddr, nth: usize, config: Arc<rustls::ClientConfig>) -> Fallible<TlsStream<TcpStream>> {
    let socket = TcpSocket::new_v4()?;
    let last = u8::try_from(2 + nth % ADDRESSES)?;
    socket.bind((Ipv4Addr::new(127, 0, 0, last), 0).into())?;
    let stream = socket.connect(address).await?;
    let http2 = config.alpn_protocols.iter().any(|protocol| protocol == b"h2");
    let mut stream = TlsConnector::from(config).connect(ServerName::try_from("127.0.0.1")?, stream).await?;
    if http2 {
        // Preface, empty SETTINGS, and HEADERS of GET /v1/time (RFC 9113, RFC 7541: static table, one literal path).
        let mut request = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
        let headers = [&b"\x82\x87\x04\x08/v1/time\x41\x04gate"[..]].concat();
        request.extend([0, 0, u8::try_from(headers.len())?, 1, 5, 0, 0, 0, 1]);
        request.extend(headers);
        stream.write_all(&request).await?;
    } else {
        stream.write_all(b"GET /v1/time HTTP/1.1\r\nHost: gate\r\n\r\n").await?;
    }
    stream.flush().await?;
    let mut answer = [0; 2048];
    let mut seen = Vec::new();
    while !seen.windows(11).any(|word| word == b"unix_micros") {
        match stream.read(&mut answer).await? {
            0 => return Err("the gate closed an idle connection".into()),
            read => seen.extend_from_slice(answer.get(..read).unwrap_or_default()),
        }
    }
    Ok(stream)
}
