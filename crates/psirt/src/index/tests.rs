//! What segments promise: the same answer as a walk over the advisories, at every instant, merged or not; damage is an error.

use proptest::prelude::*;

use crate::Instant;
use crate::advisory::{Advisory, Affected, End, Package, Source, Versions};
use crate::identity::from_ecosystem;
use crate::score::epss::EpssList;
use crate::score::kev::KevList;
use crate::version::{Scheme, key, stated};
use crate::vex::Status;

use super::{Asked, Builder, Database, Segment, SegmentError, epss, exploited, mapping, merge};

fn affected(name: &str, ranges: Vec<(Versions, Status)>) -> Affected {
    Affected {
        packages: vec![Package::Ecosystem { ecosystem: "PyPI".to_owned(), name: name.to_owned() }],
        ranges,
        otherwise: None,
        running_on: Vec::new(),
        parts: Vec::new(),
        by: "tester".to_owned(),
    }
}

fn advisory(id: &str, affected: Vec<Affected>) -> Advisory {
    Advisory { affected, title: format!("title of {id}"), ..Advisory::new(id, Source::Osv) }
}

fn interval(introduced: Option<&str>, end: End) -> Versions {
    Versions::Interval { scheme: None, introduced: introduced.map(str::to_owned), end }
}

fn segment(known_from: i64, advisories: &[Advisory]) -> Vec<u8> {
    let mut builder = Builder::new(Instant(known_from));
    for advisory in advisories {
        builder.add(advisory);
    }
    assert_eq!(builder.refused(), []);
    builder.finish().unwrap()
}

/// The advisories that affect a version, by the index.
fn answer(database: &Database<'_>, name: &str, version: &str) -> Vec<String> {
    let package = from_ecosystem("PyPI", name).key;
    let mut asked = Asked::new(Some(version), None);
    let mut ids = Vec::new();
    database
        .entries(package.as_str(), &mut |found| {
            let verdict = found.entry.judge(&mut asked)?;
            if verdict.is_some_and(|verdict| verdict.status == Status::Affected) && database.is_current(&found)? {
                ids.push(found.entry.record()?.id.to_owned());
            }
            Ok(())
        })
        .unwrap();
    ids.sort();
    ids.dedup();
    ids
}

/// The same by a walk over all advisories: the most specific rule, of equals the one that weighs more.
fn plain(advisories: &[Advisory], name: &str, version: &str) -> Vec<String> {
    let asked = key(Scheme::Pypi, version).unwrap();
    let package = from_ecosystem("PyPI", name).key;
    let mut ids = Vec::new();
    for advisory in advisories {
        for affected in &advisory.affected {
            let Some(Package::Ecosystem { ecosystem, name }) = affected.packages.first() else { continue };
            if from_ecosystem(ecosystem, name).key != package {
                continue;
            }
            let mut best = None;
            for (versions, status) in &affected.ranges {
                if !stated(versions, Some(Scheme::Pypi)).unwrap().range.contains(&asked) {
                    continue;
                }
                let is_affected = *status == Status::Affected;
                let weight = match (versions, is_affected) {
                    (Versions::Exactly(_), true) => 5,
                    (Versions::Exactly(_), false) => 4,
                    (Versions::All, true) => 0,
                    (Versions::All, false) => 1,
                    (_, true) => 2,
                    (_, false) => 3,
                };
                best = best.max(Some((weight, is_affected)));
            }
            if best.map_or(affected.otherwise == Some(Status::Affected), |(_, is_affected)| is_affected) {
                ids.push(advisory.id.clone());
            }
        }
    }
    ids.sort();
    ids.dedup();
    ids
}

fn versions() -> impl Strategy<Value = Versions> {
    let version = || (0..4_u8, 0..4_u8).prop_map(|(major, minor)| format!("{major}.{minor}"));
    prop_oneof![
        (proptest::option::of(version()), version(), 0..3_u8).prop_map(|(low, high, end)| Versions::Interval {
            scheme: None,
            introduced: low,
            end: match end {
                0 => End::Before(high),
                1 => End::With(high),
                _ => End::Open,
            },
        }),
        proptest::collection::vec(version(), 0..6).prop_map(Versions::Exactly),
        Just(Versions::All),
    ]
}

fn one_affected() -> impl Strategy<Value = Affected> {
    let status = prop_oneof![Just(Status::Affected), Just(Status::NotAffected), Just(Status::Fixed)];
    let ranges = proptest::collection::vec((versions(), status), 0..4);
    (prop_oneof![Just("a"), Just("A_b"), Just("a-B"), Just("c")], ranges, any::<bool>()).prop_map(
        |(name, ranges, rest)| Affected { otherwise: rest.then_some(Status::Affected), ..affected(name, ranges) },
    )
}

fn several() -> impl Strategy<Value = Vec<Advisory>> {
    proptest::collection::vec(proptest::collection::vec(one_affected(), 0..3), 0..8).prop_map(|all| {
        all.into_iter().enumerate().map(|(index, affected)| advisory(&format!("ID-{index}"), affected)).collect()
    })
}

proptest! {
    #[test]
    fn the_index_answers_as_a_walk_over_all_advisories(advisories in several()) {
        let bytes = segment(1, &advisories);
        let database = Database::open(&[&bytes], Instant(9)).unwrap();
        for name in ["a", "a.b", "c", "d"] {
            for version in ["0", "0.1", "1.0", "1.0.0", "1.2.5", "3.3", "4"] {
                prop_assert_eq!(answer(&database, name, version), plain(&advisories, name, version), "{} {}", name, version);
            }
        }
    }

    #[test]
    fn a_merged_segment_says_the_same_at_every_instant(first in several(), second in several(), third in several()) {
        let parts = [segment(10, &first), segment(20, &second), segment(30, &third)];
        let slices: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let merged = merge(&slices).unwrap();
        for now in [5, 10, 15, 20, 25, 30, 35] {
            let (apart, one) = (Database::open(&slices, Instant(now)).unwrap(), Database::open(&[&merged], Instant(now)).unwrap());
            for (name, version) in [("a", "1.0"), ("a-b", "2.2"), ("c", "0.3")] {
                prop_assert_eq!(answer(&apart, name, version), answer(&one, name, version), "at {}", now);
            }
            prop_assert_eq!(apart.by_id("ID-0").unwrap().len(), one.by_id("ID-0").unwrap().len());
        }
    }

    #[test]
    fn damage_is_an_error_and_never_a_panic(advisories in several(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let mut bytes = segment(1, &advisories);
        let _ = Segment::open(&bytes[..cut.index(bytes.len())]).unwrap_err();
        let at = at.index(bytes.len());
        let is_same = bytes[at] == byte;
        bytes[at] = byte;
        if let Ok(segment) = Segment::open(&bytes) {
            let padding_only = segment.verify().is_ok();
            for key in segment.keys().flatten() {
                for entry in segment.entries(key).into_iter().flatten().flatten() {
                    let _ = (entry.judge(&mut Asked::new(Some("1.0"), None)).is_ok(), entry.record().is_ok(), entry.context().is_ok());
                }
            }
            let _ = (segment.by_id("ID-0").is_ok(), segment.by_name("a").is_ok(), merge(&[&bytes]).is_ok());
            prop_assert!(is_same || !padding_only || at + 8 >= super::layout::HEADER_BYTES);
        }
    }
}

#[test]
fn what_is_known_later_stands_in_front_and_withdrawn_is_passed_over() {
    let all = || vec![affected("a", vec![(Versions::All, Status::Affected)])];
    let first = segment(10, &[advisory("X-1", all()), advisory("X-2", all())]);
    let narrowed =
        advisory("X-1", vec![affected("a", vec![(interval(None, End::Before("2".to_owned())), Status::Affected)])]);
    let second = segment(20, &[narrowed, Advisory { withdrawn: Some(Instant(25)), ..advisory("X-2", all()) }]);
    let at = |now| Database::open(&[&second, &first], Instant(now)).unwrap();
    assert_eq!(answer(&at(5), "a", "3"), Vec::<String>::new());
    assert_eq!(answer(&at(15), "a", "3"), ["X-1", "X-2"]);
    assert_eq!(answer(&at(22), "a", "3"), ["X-2"]);
    assert_eq!(answer(&at(22), "a", "1"), ["X-1", "X-2"]);
    assert_eq!(answer(&at(30), "a", "1"), ["X-1"]);
}

#[test]
fn of_two_records_of_one_id_the_one_changed_later_stays() {
    let all = || vec![affected("a", vec![(Versions::All, Status::Affected)])];
    let old = Advisory { modified: Some(Instant(1)), ..advisory("X-1", all()) };
    let new = Advisory { modified: Some(Instant(2)), ..advisory("X-1", Vec::new()) };
    for order in [[old.clone(), new.clone()], [new, old]] {
        let bytes = segment(1, &order);
        let database = Database::open(&[&bytes], Instant(9)).unwrap();
        assert_eq!(answer(&database, "a", "3"), Vec::<String>::new());
        assert_eq!(database.by_id("X-1").unwrap().len(), 1);
    }
}

#[test]
fn branches_that_hold_a_fix_are_read_as_the_kernel_writes_them() {
    let versions = |low: &str, end| interval(Some(low), end);
    let stream = Affected {
        packages: vec![Package::Product { vendor: "Linux".to_owned(), product: "Linux".to_owned() }],
        ranges: vec![
            (Versions::Exactly(vec!["4.1".to_owned()]), Status::Affected),
            (interval(None, End::Before("4.1".to_owned())), Status::NotAffected),
            (versions("5.4.280", End::With("5.4.*".to_owned())), Status::NotAffected),
            (versions("6.10", End::With("*".to_owned())), Status::NotAffected),
        ],
        otherwise: Some(Status::Affected),
        ..affected("", Vec::new())
    };
    let bytes = segment(1, &[advisory("CVE-1", vec![stream])]);
    let segment = Segment::open(&bytes).unwrap();
    let entry = segment.entries(crate::identity::KERNEL).unwrap().next().unwrap().unwrap();
    for (version, status, fixed) in [
        ("4.0", Status::NotAffected, None),
        ("4.1", Status::Affected, Some("5.4.280")),
        ("5.4.279", Status::Affected, Some("5.4.280")),
        ("5.4.280", Status::NotAffected, None),
        ("5.5", Status::Affected, Some("6.10")),
        ("6.10", Status::NotAffected, None),
    ] {
        let verdict = entry.judge(&mut Asked::new(Some(version), None)).unwrap().unwrap();
        assert_eq!((verdict.status, verdict.fixed), (status, fixed), "{version}");
    }
    assert_eq!(entry.judge(&mut Asked::new(None, None)).unwrap(), None);
}

#[test]
fn auxiliary_segments_answer_both_ways() {
    let lines = "{\"purls\":[\"pkg:github/madler/zlib\",\"pkg:deb/debian/zlib\"],\"cpe_products\":[\"cpe:2.3:a:zlib:zlib\"]}\nnot json\n";
    let (same, wrong) = mapping(lines, Instant(1)).unwrap();
    assert_eq!(wrong.len(), 1);
    let kevs = KevList::read(
        "cveID,dateAdded,dueDate,requiredAction,knownRansomwareCampaignUse\nCVE-2024-0001,2024-01-01,2024-02-01,patch,Known\n",
    );
    let chances = EpssList::read("cve,epss,percentile\nCVE-2024-0001,0.5,0.9\n");
    let (known, likely) = (exploited(&kevs, Instant(1)).unwrap(), epss(&chances, Instant(1)).unwrap());
    let database = Database::open(&[&same, &known, &likely], Instant(9)).unwrap();
    assert_eq!(database.same_as("cpe/a/zlib/zlib").unwrap(), ["deb/debian/zlib", "git/github.com/madler/zlib"]);
    assert_eq!(database.same_as("deb/debian/zlib").unwrap(), ["cpe/a/zlib/zlib"]);
    assert_eq!(database.products("zlib").unwrap(), ["cpe/a/zlib/zlib"]);
    assert_eq!(database.exploited("CVE-2024-0001").unwrap().as_ref(), kevs.entries.values().next());
    assert_eq!(database.epss("CVE-2024-0001").unwrap().as_ref(), chances.entries.values().next());
    assert!(database.epss("CVE-2024-0001").unwrap().is_some());
    assert_eq!(database.exploited("CVE-2").unwrap(), None);
    assert!(matches!(Segment::open(&same), Err(SegmentError::Kind(2))));
}

#[test]
fn the_golden_segment_is_written_and_read_as_before() {
    let golden = include_bytes!("../../testdata/index-1.seg");
    let ranges = vec![
        (interval(Some("1.0"), End::Before("1.2".to_owned())), Status::Affected),
        (Versions::Exactly(vec!["0.9".to_owned()]), Status::Affected),
        (
            Versions::Commits {
                repository: Some("https://github.com/a/b".to_owned()),
                introduced: vec!["0".to_owned()],
                fixed: vec!["cafe0123".to_owned()],
                last_affected: Vec::new(),
            },
            Status::Affected,
        ),
    ];
    let one = Affected {
        parts: vec![("file".to_owned(), "a.c".to_owned())],
        running_on: vec![Package::Cpe("cpe:2.3:o:x:y:-:*:*:*:*:*:*:*".to_owned())],
        ..affected("Golden", ranges)
    };
    let mut advisory = advisory("X-1", vec![one]);
    advisory.aliases.push("CVE-1".to_owned());
    advisory.published = Some(Instant(5));
    let bytes = segment(7, &[advisory]);
    assert_eq!(bytes.as_slice(), golden.as_slice(), "the format changed: raise its version");
    let database = Database::open(&[golden], Instant(9)).unwrap();
    assert_eq!(answer(&database, "golden", "1.1"), ["X-1"]);
    assert_eq!(database.by_id("CVE-1").unwrap()[0].published, Some(Instant(5)));
}
