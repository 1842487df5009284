//! Clocks that jump: the server's by hours and days, forth and back before the last receipt, and those of devices. Nothing that was
//! acknowledged is lost, and the views are those of a server that judges the same evidence at once.

use crate::replay::{judged_at_once, views};
use crate::rig::Rig;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;
use yagura_link::Digest;
use yagura_model::{EventId, UnixMicros};
use yagura_server::clock;
use yagura_store::Position;

const CHILD: &str = "YAGURA_CLOCK_CHILD";
const HOUR: i64 = 3_600_000_000;
const JUMPS: [i64; 7] = [0, HOUR, -HOUR, 24 * HOUR, -24 * HOUR, 5 * HOUR, -30_000_000];

#[test]
fn clocks_that_jump_lose_nothing_and_double_nothing() {
    // The clock is that of a whole process, so this one goes on in a process of its own.
    let own = std::env::current_exe().unwrap();
    let mut child = Command::new(own);
    child.args(["--exact", "clock_jumps::in_a_process_of_its_own", "--nocapture"]).env(CHILD, "1");
    let output = child.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("all is as it should be"), "{said}{:?}", output);
}

#[test]
fn in_a_process_of_its_own() {
    if std::env::var_os(CHILD).is_some() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(live_through_jumps());
    }
}

async fn live_through_jumps() {
    let seed: u64 = std::env::var("YAGURA_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(3);
    let mut state = seed;
    let mut below = |bound: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((state >> 33) % bound as u64).unwrap()
    };
    let honest = clock::now();
    let mut rig = Rig::new().await;
    let mut devices = Vec::new();
    for name in ["acme/v-0/cgw", "acme/v-0/tcu", "acme/v-1/cgw"] {
        devices.push(rig.enrol(name, "Kona").await);
    }
    let (mut receipts, mut slowest) = (Vec::new(), std::time::Duration::ZERO);
    for _ in 0..40 {
        clock::set_off_by(JUMPS[below(JUMPS.len())]);
        let at: UnixMicros = honest.plus(JUMPS[below(JUMPS.len())]);
        let device = below(devices.len());
        let report = devices[device].report_from(at, &vec![EventId::CAN_EARLY_FRAME; below(4)]);
        receipts.push((rig.deliver(&report).await.position, report.digest));
        let since = Instant::now();
        match below(6) {
            0 => rig = Rig::on(rig.crash().await).await,
            1 => rig = Rig::on(rig.end().await).await,
            2 => rig.judged().await,
            _ => continue,
        }
        slowest = slowest.max(since.elapsed());
    }
    clock::set_off_by(0);
    for (position, digest) in &receipts {
        let record = rig.intake.reader().unwrap().record(Position(*position)).unwrap();
        assert_eq!(Digest::of(&record.payload), *digest, "record {position}");
    }
    // What is late is judged after the next start, on both sides.
    let dir = Arc::clone(&rig.dir);
    let lived = views(crate::late::judged_to_the_end(rig).await).await;
    let at_once = judged_at_once(&dir).await;
    assert_eq!(lived.told(), at_once.told());
    println!("YAGURA_SEED={seed}: {} receipts, slowest recovery {slowest:?}; all is as it should be", receipts.len());
}
