//! The gate on loopback: reports a second, handshakes a second and core, memory of an idle connection, honest vehicles beside hostile ones.
//!
//! Not the pipeline behind it. Client and server share the cores; where it matters the gate's own CPU time is counted by thread. Arguments
//! choose sections (`reports handshakes idle hostile`; all without any). Prints JSON lines.
#![expect(clippy::print_stdout, reason = "a benchmark prints its result")]

mod cpu;
mod fleet;
mod handshakes;
mod hostile;
mod idle;
mod reports;

use fleet::World;
use std::error::Error;
use tokio::runtime::{Builder, Runtime};

const DEVICES: usize = 64;

pub(crate) type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

pub(crate) fn print(bench: &str, value: f64, unit: &str) {
    println!("{{\"bench\":\"{bench}\",\"value\":{value:.0},\"unit\":\"{unit}\"}}");
}

fn runtime(name: &str) -> Fallible<Runtime> {
    Ok(Builder::new_multi_thread().thread_name(name).enable_all().build()?)
}

fn main() -> Fallible<()> {
    drop(rustls::crypto::ring::default_provider().install_default());
    let clients = runtime("client")?;
    if let Ok(order) = std::env::var(idle::HOLDER) {
        return clients.block_on(idle::hold(&order));
    }
    if let Ok(order) = std::env::var(hostile::HOSTILE) {
        return clients.block_on(hostile::attack(&order));
    }
    let chosen: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let is_chosen = |section: &str| chosen.is_empty() || chosen.iter().any(|one| one == section);
    let names = |count: usize| (0..count).map(|nth| format!("acme/car-{nth}/cgw"));
    for section in ["handshakes", "idle", "hostile", "reports"].into_iter().filter(|section| is_chosen(section)) {
        let (dir, server) = (tempfile::tempdir()?, runtime("gate")?);
        let vehicles = match section {
            "idle" => idle::vehicles(),
            "hostile" => DEVICES + hostile::HOSTILE_DEVICES,
            _ => DEVICES,
        };
        let mut world = clients.block_on(World::open(dir.path(), names(vehicles), &server))?;
        match section {
            "handshakes" => clients.block_on(handshakes::run(&world))?,
            "idle" => idle::run(&world, dir.path())?,
            "hostile" => clients.block_on(hostile::run(&mut world, dir.path()))?,
            _ => clients.block_on(reports::run(world, dir.path()))?,
        }
        server.shutdown_background();
    }
    Ok(())
}
