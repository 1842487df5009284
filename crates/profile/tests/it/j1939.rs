//! J1939 in real traffic: a truck's protocols stay silent, attacks on transport and commands are found frame by frame.
//!
//! Labels score and never teach: everything is learned on the truck's normal capture alone. The two transport captures come
//! from a bench whose brakes send one message that the truck does not have; that message is reported as unknown, rightly.

use crate::diagnostics::{findings, is_of_protocol};
use crate::traces::{candump, folder, name, table};
use std::collections::BTreeSet;
use yagura_ids::{Check, Profile};
use yagura_model::{Frame, Micros};
use yagura_profile::{Settings, learn};

/// Wheel speed of the bench's brakes, which the truck does not have, and engine speed, which the bench sends faster.
const BENCH_ONLY: [u32; 2] = [0x08FE_6E0B, 0x0CF0_0400];

fn truck() -> Option<Vec<Frame>> {
    Some(candump(&folder("clean")?.join("j1939-csu_normal.log.candump.log.gz")))
}

#[test]
fn a_truck_learned_for_five_seconds_is_silent_for_the_rest() {
    let Some(frames) = truck() else { return };
    for seconds in [5, 10, 20] {
        let split = frames.partition_point(|frame| frame.time.since(frames[0].time) < seconds * 1_000_000);
        let bytes = learn(frames[..split].iter().copied(), &Settings::default()).unwrap().encode();
        let found = findings(&bytes, &frames[split..]);
        let protocols =
            Profile::parse(&bytes).unwrap().tables().sources.iter().map(|row| row.muted).collect::<Vec<_>>();
        let ids: BTreeSet<String> =
            found.iter().map(|one| format!("{} {}", one.check.name(), one.context.id)).collect();
        println!("learned {seconds} s: {} findings; muted {protocols:?}; {ids:?}", found.len());
        assert_eq!(found.len(), 0);
    }
}

#[test]
fn attacks_on_the_transport_protocol_are_found_in_every_segment() {
    let (Some(frames), Some(labelled)) = (truck(), folder("labelled")) else { return };
    let bytes = learn(frames.iter().copied(), &Settings::default()).unwrap().encode();
    for (file, segments) in [("j1939_bam_block.csv.gz", 10), ("j1939_malicious_cts.csv.gz", 11)] {
        let lines = table(&labelled.join(file));
        let trace: Vec<Frame> = lines.iter().map(|line| line.frame).collect();
        let found = findings(&bytes, &trace);
        let attacks: BTreeSet<(Micros, u32)> =
            lines.iter().filter(|line| line.attack).map(|line| (line.frame.time, line.frame.id.raw())).collect();
        let hits: BTreeSet<(Micros, u32)> = found.iter().map(|one| (one.time, one.context.id.raw())).collect();
        let protocol: Vec<_> = found.iter().filter(|one| is_of_protocol(one.check)).collect();
        let grants: Vec<_> = protocol.iter().filter(|one| one.check == Check::J1939Transport).collect();
        let wrong: BTreeSet<u32> = hits.difference(&attacks).map(|(_, raw)| *raw).collect();
        println!(
            "{}: {} of {} attack frames, {} by the protocol; others told: {wrong:X?}",
            name(&labelled.join(file)),
            attacks.intersection(&hits).count(),
            attacks.len(),
            grants.len()
        );
        assert!(attacks.is_subset(&hits));
        assert!(protocol.iter().all(|one| attacks.contains(&(one.time, one.context.id.raw()))), "{protocol:?}");
        assert!(grants.iter().all(|one| one.qualified));
        assert!(wrong.iter().all(|raw| BENCH_ONLY.contains(raw)));
        assert_eq!(grants.len(), if segments == 10 { 10 } else { 1 });
    }
}

#[test]
fn torque_commands_of_the_wrong_source_are_named_as_such() {
    let (Some(frames), Some(labelled)) = (truck(), folder("labelled")) else { return };
    let bytes = learn(frames.iter().copied(), &Settings::default()).unwrap().encode();
    let lines = table(&labelled.join("j1939_tsc1.csv.gz"));
    let trace: Vec<Frame> = lines.iter().map(|line| line.frame).collect();
    let found = findings(&bytes, &trace);
    let commands = found.iter().filter(|one| one.check == Check::J1939Source).count();
    assert_eq!(commands, lines.iter().filter(|line| line.attack).count());
}

#[test]
fn flood_fuzz_and_command_frames_of_the_truck_are_told_frame_by_frame() {
    let (Some(frames), Some(labelled)) = (truck(), folder("labelled")) else { return };
    let bytes = learn(frames.iter().copied(), &Settings::default()).unwrap().encode();
    for file in ["j1939_dos_1ms.csv.gz", "j1939_fuzz_data.csv.gz", "j1939_fuzz_id.csv.gz", "j1939_tsc1.csv.gz"] {
        let lines = table(&labelled.join(file));
        let trace: Vec<Frame> = lines.iter().map(|line| line.frame).collect();
        // A flood is told with any frame of the bus; who it hits is not the matter here.
        let found = findings(&bytes, &trace).into_iter().filter(|one| one.check != Check::Flood);
        let hits: BTreeSet<(Micros, u32)> = found.map(|one| (one.time, one.context.id.raw())).collect();
        let is_hit = |frame: &Frame| hits.contains(&(frame.time, frame.id.raw()));
        let missed: Vec<_> =
            lines.iter().filter(|line| line.attack && !is_hit(&line.frame)).map(|l| l.frame.id).collect();
        let wrong = lines.iter().filter(|line| !line.attack && is_hit(&line.frame)).count();
        let attacks = lines.iter().filter(|line| line.attack).count();
        let f1 = 2.0 * (attacks - missed.len()) as f64 / (2 * attacks - missed.len() + wrong) as f64;
        println!("{file}: {} of {attacks} missed, {wrong} legitimate frames told, F1 {f1:.5}", missed.len());
        assert!(f1 >= 0.9995, "{file}: F1 {f1}, missed {missed:X?}");
    }
}
