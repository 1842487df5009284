//! Open DBC files against clean traffic of the vehicles they describe: what they add must not alarm.
//!
//! Labels play no part. Run with `--nocapture` for the tables.

use crate::traces::{Tally, candump, files, folder, name, replay};
use std::collections::BTreeMap;
use yagura_ids::{Check, Profile, RuleRow, Strength};
use yagura_model::Frame;
use yagura_profile::{Settings, Specification, learn, learn_with};

/// Captures by the start of their names, and the DBC that describes them.
const PAIRS: [(&str, &str); 10] = [
    ("hyundai-kona-ev", "raw/ev-canlogs/Hyundai Kona/hyundai_kona.dbc"),
    ("hyundai-kona-ev", "dbc/hyundai_can.dbc"),
    ("gm-camaro", "dbc/gm_global_a_powertrain.dbc"),
    ("ev-canlogs_BMW_i3", "raw/ev-canlogs/BMW i3/BMW-i3-PT-CAN.dbc"),
    ("ev-canlogs_BMW_i3", "raw/ev-canlogs/BMW i3/BMW-i3-PT-CAN2.dbc"),
    ("ev-canlogs_Ford", "dbc/ford_lincoln_base_pt.dbc"),
    ("tesla-m3", "raw/tesla-m3-ctf/Model3CAN.dbc"),
    ("ev-canlogs_Nissan_LEAF", "dbc/nissan_leaf_2018.dbc"),
    ("vw-e-up", "dbc/vw_mqb.dbc"),
    ("ev-canlogs_Think_City", "raw/ev-canlogs/Think City/ThinkCity_modified6.dbc"),
];

fn specification(path: &str) -> Option<Specification> {
    let path = folder("")?.join(path);
    Some(Specification::from_dbc_bytes(&std::fs::read(path).unwrap()).unwrap())
}

/// Breaches by check and strength, and how many rules were broken.
#[derive(Default)]
struct Breaches {
    frames: BTreeMap<(Check, Strength), usize>,
    rules: usize,
}

fn breaches(profile: &Profile<'_>, frames: &[Frame]) -> Breaches {
    let rows: Vec<RuleRow> = profile.tables().rules.iter().collect();
    let mut broken = vec![false; rows.len()];
    let mut found = Breaches::default();
    for frame in frames {
        let Some(index) = profile.id_index(frame.bus, frame.id) else { continue };
        for at in profile.tables().rules.of(u16::try_from(index).unwrap()) {
            let row = rows[at];
            if row.breach(frame.payload.as_slice()).is_some() {
                broken[at] = true;
                *found.frames.entry((row.allowed.check(), row.strength)).or_default() += 1;
            }
        }
    }
    found.rules = broken.iter().filter(|broken| **broken).count();
    found
}

#[test]
fn open_dbc_files_add_no_alarm_to_clean_traffic() {
    let Some(clean) = folder("clean") else { return };
    let mut told = 0;
    for (prefix, dbc) in PAIRS {
        let Some(specification) = specification(dbc) else { return };
        for path in files(&clean, ".gz").into_iter().filter(|path| name(path).starts_with(prefix)) {
            let frames = candump(&path);
            let (first, second) = frames.split_at(frames.len() / 2);
            if first.is_empty() {
                continue;
            }
            let learned = learn_with(first.iter().copied(), &specification, &Settings::default()).unwrap();
            let plain = learn(first.iter().copied(), &Settings::default()).unwrap();
            let report = &learned.specification;
            if report.seen == 0 {
                continue;
            }
            let found = breaches(&learned.profile().unwrap(), second);
            println!(
                "{:<70} {:>5} s {} seen {:>3} unseen {:>3} rules {:>4} alone {:>4} states {:>2} dropped {:>3}; later {:>5} frames {:>3} rules broken {:?}",
                name(&path).chars().take(70).collect::<String>(),
                second.len(),
                dbc.rsplit('/').next().unwrap(),
                report.seen,
                report.unseen,
                report.rules,
                report.told_alone,
                report.states,
                report.dropped.len(),
                found.frames.values().sum::<usize>(),
                found.rules,
                found.frames,
            );
            assert!(breaches(&learned.profile().unwrap(), first).frames.is_empty(), "training breaks a rule");
            told += found
                .frames
                .iter()
                .filter(|((_, strength), _)| *strength > Strength::Hint)
                .map(|(_, n)| n)
                .sum::<usize>();
            let (with, without) = (replay(&learned.encode(), second), replay(&plain.encode(), second));
            let (with, without) = (Tally::of(&with), Tally::of(&without));
            if with != without {
                println!("    with {with} without {without}");
            }
        }
    }
    assert_eq!(told, 0);
}

#[test]
fn drives_left_out_of_training_break_no_rule_that_is_told_alone() {
    let Some(clean) = folder("clean") else { return };
    for (prefix, dbc) in PAIRS.iter().filter(|(prefix, _)| !prefix.starts_with("gm-camaro")) {
        let Some(specification) = specification(dbc) else { return };
        let paths = files(&clean, ".gz").into_iter().filter(|path| name(path).starts_with(prefix));
        let drives: Vec<Vec<Frame>> = paths.map(|path| candump(&path)).filter(|drive| !drive.is_empty()).collect();
        for (left_out, drive) in drives.iter().enumerate().filter(|_| drives.len() > 1) {
            let rest = drives.iter().enumerate().filter(|(index, _)| *index != left_out);
            let rest = rest.flat_map(|(_, frames)| frames.iter().copied());
            let learned = learn_with(rest, &specification, &Settings::default()).unwrap();
            let found = breaches(&learned.profile().unwrap(), drive);
            if found.rules > 0 {
                println!("{prefix} {dbc} drive {left_out}: {} rules broken {:?}", found.rules, found.frames);
            }
            assert!(found.frames.keys().all(|(_, strength)| *strength == Strength::Hint), "{prefix} {dbc}");
        }
    }
}
