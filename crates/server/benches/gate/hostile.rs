//! Honest vehicles alone, and beside a hostile fleet that does all it can, in one run.
//!
//! Honest vehicles send at a fixed pace, about half of what the gate could take; the hostile fleet is another process that takes whatever
//! of the machine is left (lowest priority, so that its own cost is not the gate's). Receipts a second and the time to a receipt count.

use crate::cpu::{self, SERVER};
use crate::fleet::{Device, World, client, tls};
use crate::{Fallible, print};
use ed25519_dalek::SigningKey;
use rustls::pki_types::ServerName;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_rustls::TlsConnector;
use yagura_server::gate::Counted;

/// The environment variable that makes this program the hostile fleet.
pub(crate) const HOSTILE: &str = "YAGURA_BENCH_HOSTILE";
/// Devices of the hostile fleet, at the end of the world's.
pub(crate) const HOSTILE_DEVICES: usize = 24;
const SECONDS: u64 = 8;
const PACE: Duration = Duration::from_millis(50);

pub(crate) async fn run(world: &mut World, dir: &Path) -> Fallible<()> {
    let honest = world.devices.len() - HOSTILE_DEVICES;
    let hostile: String = world.devices.iter().skip(honest).map(|device| device.certificate.as_str()).collect();
    std::fs::write(dir.join("hostile.pem"), hostile)?;
    std::fs::write(dir.join("trust.pem"), &world.trust)?;
    for (nth, device) in world.devices.iter_mut().skip(honest).enumerate() {
        std::fs::write(dir.join(format!("hostile-{nth}.report")), device.report()?)?;
    }
    let alone = measure(world, honest).await?;
    tell("alone", &alone);
    let mut fleet = Command::new("nice")
        .arg("-n19")
        .arg(std::env::current_exe()?)
        .env(HOSTILE, format!("{} {}", world.address, dir.display()))
        .stdin(Stdio::piped())
        .spawn()?;
    let before: Vec<u64> = Counted::ALL.iter().map(|kind| world.counters.total(*kind)).collect();
    let beside = measure(world, honest).await?;
    fleet.kill()?;
    fleet.wait()?;
    tell("beside_hostile", &beside);
    print(
        "gate_honest_slowed",
        (1.0 - beside.rate / alone.rate) * 100.0,
        "% fewer receipts/s beside the hostile fleet",
    );
    for (kind, before) in Counted::ALL.iter().zip(before) {
        let count = (world.counters.total(*kind) - before) as f64;
        if count > 0.0 {
            print(&format!("{}_beside", kind.name()), count / SECONDS as f64, "a second");
        }
    }
    Ok(())
}

struct Measured {
    rate: f64,
    offered: f64,
    median: f64,
    slow: f64,
    cores: f64,
}

fn tell(name: &str, measured: &Measured) {
    print(&format!("gate_honest_{name}_offered"), measured.offered, "reports/s");
    print(&format!("gate_honest_{name}"), measured.rate, "receipts/s");
    print(&format!("gate_honest_{name}_p50"), measured.median * 1e6, "µs to a receipt");
    print(&format!("gate_honest_{name}_p99"), measured.slow * 1e6, "µs to a receipt");
    print(&format!("gate_honest_{name}_cpu"), measured.cores * 100.0, "% of a core, the gate");
}

async fn measure(world: &mut World, honest: usize) -> Fallible<Measured> {
    let url = format!("https://{}/v1/reports", world.address);
    let (mut sending, cpu, start) = (JoinSet::new(), cpu::seconds(SERVER), Instant::now());
    for device in world.devices.iter().take(honest) {
        sending.spawn(drive(client(device, &world.trust)?, url.clone(), device.clone()));
    }
    let (mut times, mut devices, mut offered) = (Vec::new(), Vec::new(), 0);
    while let Some(driven) = sending.join_next().await {
        let (device, some, wanted) = driven??;
        devices.push(device);
        times.extend(some);
        offered += wanted;
    }
    for device in devices {
        if let Some(known) = world.devices.iter_mut().find(|known| known.id == device.id) {
            *known = device;
        }
    }
    let elapsed = start.elapsed().as_secs_f64();
    times.sort_by(f64::total_cmp);
    let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or(0.0);
    Ok(Measured {
        rate: times.len() as f64 / elapsed,
        offered: f64::from(offered) / elapsed,
        median: at(50),
        slow: at(99),
        cores: (cpu::seconds(SERVER) - cpu) / elapsed,
    })
}

/// One honest vehicle: a report every [`PACE`], each until it has its receipt. The device as it then is, the seconds to each receipt,
/// and how many reports its pace asked for.
async fn drive(client: reqwest::Client, url: String, mut device: Device) -> Fallible<(Device, Vec<f64>, u32)> {
    let mut ticks = interval(PACE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (end, mut times, mut offered) = (Instant::now() + Duration::from_secs(SECONDS), Vec::new(), 0);
    while Instant::now() < end {
        ticks.tick().await;
        let (report, start) = (device.report()?, Instant::now());
        offered += 1;
        loop {
            let answer = client.post(&url).body(report.clone()).send().await?;
            let taken = answer.status().is_success();
            answer.bytes().await?;
            if taken {
                times.push(start.elapsed().as_secs_f64());
                break;
            }
        }
    }
    Ok((device, times, offered))
}

/// The hostile fleet: goes on until it is killed.
pub(crate) async fn attack(order: &str) -> Fallible<()> {
    let (address, dir) = order.split_once(' ').ok_or("incomplete order")?;
    let (address, dir): (SocketAddr, _) = (address.parse()?, Path::new(dir));
    let trust = std::fs::read_to_string(dir.join("trust.pem"))?;
    let certificates = std::fs::read_to_string(dir.join("hostile.pem"))?;
    let key = SigningKey::from_bytes(&[7; 32]);
    let mut tasks = JoinSet::new();
    for (nth, certificate) in certificates.split_inclusive("-----END CERTIFICATE-----\n").enumerate() {
        let config = Arc::new(tls(certificate, &key, &trust)?);
        let mut report = std::fs::read(dir.join(format!("hostile-{nth}.report")))?;
        match nth % 6 {
            // A bad signature, a replay without end, noise, more than is allowed, a slow body; the last breaks connections off.
            0 => report.last_mut().into_iter().for_each(|byte| *byte ^= 1),
            2 => report = vec![0xD2; 2000],
            3 => report = vec![0; 600 << 10],
            _ => {}
        }
        tasks.spawn(async move {
            loop {
                // Whatever the gate does about it, it goes on.
                let _ = match nth % 6 {
                    4 => trickle(address, &config).await,
                    5 => handshakes(address, &config).await,
                    _ => flood(address, &config, &report).await,
                };
            }
        });
    }
    for _ in 0..4 {
        tasks.spawn(async move {
            loop {
                let _ = half_open(address).await;
            }
        });
    }
    while tasks.join_next().await.is_some() {}
    Ok(())
}

type Stream = tokio_rustls::client::TlsStream<TcpStream>;

async fn connect(address: SocketAddr, config: &Arc<rustls::ClientConfig>) -> Fallible<Stream> {
    let stream = TcpStream::connect(address).await?;
    Ok(TlsConnector::from(Arc::clone(config)).connect(ServerName::try_from("127.0.0.1")?, stream).await?)
}

/// The same report again and again as fast as answers come.
async fn flood(address: SocketAddr, config: &Arc<rustls::ClientConfig>, report: &[u8]) -> Fallible<()> {
    let mut stream = connect(address, config).await?;
    let head = format!("POST /v1/reports HTTP/1.1\r\nHost: gate\r\nContent-Length: {}\r\n\r\n", report.len());
    let mut answer = vec![0; 16 << 10];
    loop {
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(report).await?;
        stream.flush().await?;
        if stream.read(&mut answer).await? == 0 {
            return Ok(());
        }
    }
}

/// A body that never ends.
async fn trickle(address: SocketAddr, config: &Arc<rustls::ClientConfig>) -> Fallible<()> {
    let mut stream = connect(address, config).await?;
    stream.write_all(b"POST /v1/reports HTTP/1.1\r\nHost: gate\r\nContent-Length: 500000\r\n\r\n").await?;
    loop {
        stream.write_all(b"x").await?;
        stream.flush().await?;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Full handshakes and nothing else.
async fn handshakes(address: SocketAddr, config: &Arc<rustls::ClientConfig>) -> Fallible<()> {
    drop(connect(address, config).await?);
    Ok(())
}

/// Twenty connections that begin a handshake and then hold still for a second, or break it off.
async fn half_open(address: SocketAddr) -> Fallible<()> {
    let mut held = Vec::new();
    for nth in 0..20 {
        let mut stream = TcpStream::connect(address).await?;
        let _ = stream.write_all(if nth % 2 == 0 { b"\x16\x03\x01\x02\x00" } else { b"GET /" }).await;
        held.push(stream);
    }
    let mut byte = [0];
    for stream in &mut held {
        let _ = timeout(Duration::from_millis(50), stream.read(&mut byte)).await;
    }
    Ok(())
}
