//! What sets hold, what they find and what they refuse.

use super::*;
use proptest::prelude::*;

fn set(text: &str) -> IndicatorSet {
    let set = IndicatorSet::parse("s", "s.txt", IndicatorForm::Lines, text).unwrap_or_else(|e| panic!("{e}"));
    for lookup in [Lookup::Whole, Lookup::Domain] {
        assert_eq!(set.prepare(lookup), Ok(()));
    }
    set
}

fn networks(text: &str) -> IndicatorSet {
    let set = set(text);
    assert_eq!(set.prepare(Lookup::Network), Ok(()));
    set
}

#[test]
fn comments_and_repetitions_do_not_count_nor_does_case() {
    let set = set("\u{feff}# all\n\n  One  \nTWO # old\nhttps://x/#part\none\n");
    assert_eq!(set.len(), 3);
    let found = |text| set.find(Lookup::Whole, text);
    assert_eq!(found("one").as_deref(), Some("one"));
    assert_eq!(found("two").as_deref(), Some("two"));
    assert_eq!(found("https://x/#part").as_deref(), Some("https://x/#part"));
    assert_eq!((found("three"), found("")), (None, None));
}

#[test]
fn of_a_table_the_first_column_counts() {
    let text = "address,since\n# gone\n\"a, b\",2026\nc\n";
    let set = IndicatorSet::parse("s", "s.csv", IndicatorForm::Table, text).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(set.values().collect::<Vec<_>>(), ["a, b", "c"]);
}

#[test]
fn a_domain_stands_for_those_below_it() {
    let set = set("bad.example\nexact.other.example");
    let found = |text| set.find(Lookup::Domain, text);
    for hit in ["bad.example", "a.b.bad.example", "bad.example.", "x.bad.example:443"] {
        assert_eq!(found(hit).as_deref(), Some("bad.example"), "{hit}");
    }
    for miss in ["notbad.example", "example", "other.example", "bad.example.org", "", ":443", "."] {
        assert_eq!(found(miss), None, "{miss}");
    }
}

#[test]
fn the_smallest_network_is_named() {
    let set = networks("10.0.0.0/8\n10.1.2.0/24\n10.1.2.3\n2001:db8::/32\n2001:db8::7\n");
    let found = |text| set.find(Lookup::Network, text);
    for (address, expected) in [
        ("10.1.2.3", Some("10.1.2.3")),
        ("10.1.2.3:443", Some("10.1.2.3")),
        ("10.1.2.4", Some("10.1.2.0/24")),
        ("10.200.0.1", Some("10.0.0.0/8")),
        ("11.0.0.1", None),
        ("2001:db8::7", Some("2001:db8::7")),
        ("[2001:db8:1::1]:80", Some("2001:db8::/32")),
        ("::ffff:10.1.2.3", None),
        ("bad.example", None),
    ] {
        assert_eq!(found(address).as_deref(), expected, "{address}");
    }
    assert!(networks("0.0.0.0/0").holds(Lookup::Network, "203.0.113.9"));
    assert_eq!(self::set("1.2.3.4\nbad.example").prepare(Lookup::Network), Err("bad.example".to_owned()));
}

#[test]
fn what_is_no_set_is_refused_with_its_place() {
    let refused = |name: &str, form, text: &str| IndicatorSet::parse(name, "f", form, text).map(|_| ()).unwrap_err();
    let long = format!("a\n{}", "x".repeat(5_000));
    assert_eq!(
        refused("s", IndicatorForm::Lines, &long).to_string(),
        "f:2: value of 5000 bytes exceeds the maximum 4096"
    );
    assert!(refused("a b", IndicatorForm::Lines, "x").to_string().contains("`a b`"));
    assert_eq!(set("").len(), 0);
}

proptest! {
    #[test]
    fn networks_agree_with_a_walk_over_all(
        listed in prop::collection::vec((any::<u32>(), 0_u8..=32), 1..20),
        address: u32,
        near in 0_u32..8,
    ) {
        let text = |(address, length): &(u32, u8)| format!("{}/{length}", core::net::Ipv4Addr::from(*address));
        let all: Vec<String> = listed.iter().map(text).collect();
        let set = networks(&all.join("\n"));
        for asked in [address, listed[0].0 ^ near] {
            let inside = |(network, length): &(u32, u8)| {
                let host = 32 - u32::from(*length);
                network.checked_shr(host).unwrap_or(0) == asked.checked_shr(host).unwrap_or(0)
            };
            let found = set.holds(Lookup::Network, &core::net::Ipv4Addr::from(asked).to_string());
            prop_assert_eq!(found, listed.iter().any(inside));
        }
    }
}
