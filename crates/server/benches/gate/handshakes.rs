//! Handshakes a second and core: full ones with certificates on both sides, and resumed ones.
//!
//! A connection is opened, closed by the client, and read to its end, so that its session ticket arrives. The gate's CPU alone counts.

use crate::cpu::{self, SERVER};
use crate::fleet::World;
use crate::{Fallible, print};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use yagura_server::gate::Counted;

const HANDSHAKES: u64 = 20_000;

pub(crate) async fn run(world: &World) -> Fallible<()> {
    for (name, counted, resumes) in [
        ("gate_handshakes_full", Counted::HandshakeFull, false),
        ("gate_handshakes_resumed", Counted::HandshakeResumed, true),
    ] {
        let (before, cpu) = (world.counters.total(counted), cpu::seconds(SERVER));
        let start = std::time::Instant::now();
        let each = HANDSHAKES / u64::try_from(world.devices.len())?;
        let mut clients = JoinSet::new();
        for device in &world.devices {
            let config =
                if resumes { Arc::new(device.tls(&world.trust)?) } else { device.forgetful_tls(&world.trust)? };
            clients.spawn(connect(world.address, config, each));
        }
        while let Some(done) = clients.join_next().await {
            done??;
        }
        let count = (world.counters.total(counted) - before) as f64;
        print(name, count / (cpu::seconds(SERVER) - cpu), "handshakes/s of one core of the gate");
        print(
            &format!("{name}_wall"),
            count / start.elapsed().as_secs_f64(),
            "handshakes/s, clients on the same cores",
        );
    }
    Ok(())
}

async fn connect(address: SocketAddr, config: Arc<ClientConfig>, count: u64) -> Fallible<()> {
    for _ in 0..count {
        let stream = TcpStream::connect(address).await?;
        let mut stream =
            TlsConnector::from(Arc::clone(&config)).connect(ServerName::try_from("127.0.0.1")?, stream).await?;
        stream.shutdown().await?;
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await?;
    }
    Ok(())
}
