//! How fast versions become keys, and keys are judged by ranges.
//!
//! `cargo bench -p yagura-psirt --bench versions`. Versions are those of the VERS suite and OSV's lists where the shared data is there, and
//! a handful of each scheme's form otherwise. Prints a line of JSON for each scheme: the median of five runs.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a bench speaks to scripts and stops at the first surprise"
)]

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;
use yagura_psirt::version::{Scheme, Vers, key_or_fallback, range_bytes_contain, write_key};

const RUNS: usize = 5;
const READS: usize = 400_000;

/// A usual version of each scheme's form.
fn usual(scheme: Scheme) -> &'static [&'static str] {
    match scheme {
        Scheme::Deb => &["1:2.36.1-8+deb11u1", "3.0.11-1~deb12u2", "7.88.1-10+deb12u5"],
        Scheme::Rpm => &["0:3.10.0-229.el7", "1:1.1.1k-9.el8_7", "2.34-60.el9"],
        Scheme::Alpm => &["1:1.34.0-2", "6.4.1.arch1-1"],
        Scheme::Apk => &["3.1.4-r5", "2.38-r0", "1.36.1_git20230904-r2"],
        Scheme::Gentoo => &["1.2.11_p1-r2", "3.0.9-r1"],
        Scheme::Pypi => &["4.2.1rc1", "2.31.0", "1.0.post2.dev3"],
        Scheme::Maven => &["2.15.2", "5.0.0-alpha-1", "4.1.94.Final"],
        Scheme::Openssl => &["1.0.2zd", "3.0.11"],
        Scheme::Datetime => &["2024-05-01T12:00:00Z"],
        Scheme::Kernel => &["6.1.55", "6.6-rc1", "5.15.0-91-generic"],
        _ => &["1.2.3", "10.0.14", "2.0.0-rc.1"],
    }
}

fn versions(scheme: Scheme) -> Vec<String> {
    let file = match scheme {
        Scheme::Apk => "alpine",
        Scheme::Deb => "debian",
        Scheme::Rpm => "redhat",
        Scheme::Gem => "rubygems",
        Scheme::Composer => "packagist",
        other => other.name(),
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/psirt/version-order-osv");
    let text = std::fs::read_to_string(folder.join(format!("{file}-versions.txt"))).unwrap_or_default();
    let pairs = text.lines().filter(|line| !line.starts_with(['#', '/'])).filter_map(|line| line.split_once(' '));
    let listed = pairs.map(|(version, _)| version.to_owned());
    listed.chain(usual(scheme).iter().map(|&version| version.to_owned())).collect()
}

/// Nanoseconds for one, the median of the runs.
fn measure(mut one: impl FnMut(usize)) -> f64 {
    let mut runs: Vec<f64> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            (0..READS).for_each(&mut one);
            start.elapsed().as_secs_f64() * 1e9 / READS as f64
        })
        .collect();
    runs.sort_by(f64::total_cmp);
    runs[RUNS / 2]
}

fn main() {
    for scheme in Scheme::all() {
        let versions = versions(scheme);
        let mut key = Vec::new();
        let key_ns = measure(|at| {
            let _ = write_key(scheme, black_box(&versions[at % versions.len()]), &mut key);
        });
        let keys: Vec<_> =
            versions.iter().filter_map(|version| key_or_fallback(scheme, version).ok()).map(|(key, _)| key).collect();
        let bytes = keys.iter().map(|key| key.as_bytes().len()).sum::<usize>() as f64 / keys.len() as f64;
        let mut bounds = usual(scheme).to_vec();
        bounds.sort_by_key(|version| key_or_fallback(scheme, version).expect("a usual version").0);
        let text = format!("vers:{scheme}/>={}|<{}", bounds[0].replace('%', "%25"), bounds[bounds.len() - 1]);
        let range = Vers::read(&text).and_then(|(vers, _)| vers.range()).expect("a usual range");
        let stored = range.to_bytes();
        let check_ns = measure(|at| {
            black_box(range.contains(black_box(&keys[at % keys.len()])));
        });
        let stored_ns = measure(|at| {
            black_box(range_bytes_contain(black_box(&stored), keys[at % keys.len()].as_bytes()));
        });
        println!(
            "{{\"scheme\":\"{scheme}\",\"versions\":{},\"key_ns\":{key_ns:.0},\"key_bytes\":{bytes:.1},\"range_check_ns\":{check_ns:.1},\"stored_range_check_ns\":{stored_ns:.1}}}",
            versions.len()
        );
    }
}
