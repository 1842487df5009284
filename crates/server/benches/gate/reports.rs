//! Reports a second through the gate: 64 devices, one connection each, as fast as receipts come; then the start from that vault.

use crate::fleet::{Device, World, client, vault};
use crate::{Fallible, print};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use tokio::task::JoinSet;
use yagura_server::gate::Counters;
use yagura_server::intake::Intake;

const REPORTS: usize = 200;
const RUNS: usize = 5;

pub(crate) async fn run(mut world: World, dir: &Path) -> Fallible<()> {
    let url = format!("https://{}/v1/reports", world.address);
    let clients: Fallible<Vec<_>> = world.devices.iter().map(|device| client(device, &world.trust)).collect();
    let clients = clients?;
    let mut rates = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        let sealed: Fallible<Vec<Vec<_>>> = world.devices.iter_mut().map(seal).collect();
        let sealed = sealed?;
        let (start, mut sending) = (Instant::now(), JoinSet::new());
        for (client, reports) in clients.iter().zip(sealed) {
            sending.spawn(send(client.clone(), url.clone(), reports));
        }
        while let Some(sent) = sending.join_next().await {
            sent??;
        }
        rates.push((world.devices.len() * REPORTS) as f64 / start.elapsed().as_secs_f64());
    }
    rates.sort_by(f64::total_cmp);
    print("gate_reports_acknowledged", rates.get(RUNS / 2).copied().unwrap_or(0.0), "reports/s");
    world.intake.stop().await;
    let vault = vault(dir, &world.identity)?;
    let (records, start) = (vault.len(), Instant::now());
    Intake::open(vault, Arc::new(Counters::default()))?.stop().await;
    print("intake_chains_rebuilt", records as f64 / start.elapsed().as_secs_f64(), "records/s");
    Ok(())
}

fn seal(device: &mut Device) -> Fallible<Vec<Vec<u8>>> {
    (0..REPORTS).map(|_| device.report()).collect()
}

async fn send(client: reqwest::Client, url: String, reports: Vec<Vec<u8>>) -> Result<(), reqwest::Error> {
    for report in reports {
        client.post(&url).body(report).send().await?.error_for_status()?.bytes().await?;
    }
    Ok(())
}
