//! Incidents: grouping against all pairs, shipped techniques, the table of points, scores.

use super::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use yagura_columns::Text;
use yagura_model::{Severity, UnixMicros};

const MINUTE: i64 = 60_000_000;

#[derive(Clone, Debug)]
struct Alert {
    id: [u8; 32],
    rule: u8,
    vehicle: Option<u8>,
    user: Option<u8>,
    /// Its first and last minute, as it stands after each change: both only grow apart.
    versions: Vec<(i64, i64)>,
}

/// Rule, vehicle, user, and the changes in minutes: when, how long.
type Drawn = (u8, Option<u8>, Option<u8>, Vec<(i64, i64)>);

fn alerts() -> impl Strategy<Value = Vec<Alert>> {
    let versions = proptest::collection::vec((0..600_i64, 0..40_i64), 1..3);
    let one = (0..3_u8, proptest::option::of(0..4_u8), proptest::option::of(0..3_u8), versions);
    proptest::collection::vec(one, 1..24).prop_map(|all| {
        let make = |(number, (rule, vehicle, user, steps)): (u8, Drawn)| {
            let (mut first, mut last) = (i64::MAX, i64::MIN);
            let versions = steps.into_iter().map(|(at, length)| {
                // Further events of an alert lie in its hour.
                let at = if first == i64::MAX { at } else { first + at % 30 };
                (first, last) = (first.min(at), last.max(at + length));
                (first, last)
            });
            Alert { id: [number; 32], rule, vehicle, user, versions: versions.collect() }
        };
        (0..).zip(all).map(make).collect()
    })
}

fn links_of(kind: Kind, alert: &Alert, version: usize) -> Vec<Link> {
    let (first, last) = alert.versions[version.min(alert.versions.len() - 1)];
    let (vehicle, user) = (alert.vehicle.map(|v| format!("v-{v}")), alert.user.map(|u| format!("u-{u}")));
    let mut group = Vec::new();
    group.extend(vehicle.clone().map(|vehicle| ("vehicle".to_owned(), vehicle)));
    group.extend(user.map(|user| ("user".to_owned(), user)));
    let (first, last) = (UnixMicros(first * MINUTE), UnixMicros(last * MINUTE));
    let rule = format!("r-{}", alert.rule);
    links(kind, &AlertFacts { rule: &rule, vehicle: vehicle.as_deref(), group: &group, first, last })
}

/// A state that keeps incidents as a server does.
#[derive(Default)]
struct Kept {
    members: BTreeMap<[u8; 32], IncidentAge>,
    spans: BTreeMap<IncidentAge, BTreeMap<Key, Link>>,
    merged: BTreeMap<IncidentId, IncidentId>,
    clock: i64,
}

impl Kept {
    fn take(&mut self, kind: Kind, portion: &[(Alert, usize)]) {
        self.clock += 1;
        let mut grouping = Grouping::new(kind);
        let mut given = Vec::new();
        for (alert, version) in portion {
            let links = links_of(kind, alert, *version);
            if links.is_empty() {
                continue;
            }
            let member = self.members.get(&alert.id).copied();
            grouping.add(alert.id, &links, member);
            given.push(alert.id);
            member.iter().for_each(|incident| self.tell(&mut grouping, *incident));
        }
        loop {
            let asks = grouping.asks();
            if asks.is_empty() {
                break;
            }
            for ask in asks {
                let holds = |spans: &BTreeMap<Key, Link>| {
                    spans.get(&ask.key).is_some_and(|link| link.first <= ask.to && link.last >= ask.from)
                };
                let near: Vec<_> = self.spans.iter().filter(|(_, spans)| holds(spans)).map(|(age, _)| *age).collect();
                near.into_iter().for_each(|incident| self.tell(&mut grouping, incident));
            }
        }
        for group in grouping.finish() {
            self.keep(&group, &given);
        }
    }

    fn tell(&self, grouping: &mut Grouping, incident: IncidentAge) {
        self.spans[&incident].values().for_each(|link| grouping.know(&KnownSpan { incident, link: *link }));
    }

    fn keep(&mut self, group: &Group, given: &[[u8; 32]]) {
        let known = self.spans.keys().find(|age| age.id == group.id.id()).copied();
        assert_eq!(known.is_some(), matches!(group.id, GroupId::Known(_)));
        let age = known.unwrap_or(IncidentAge { opened: UnixMicros(self.clock), id: group.id.id() });
        for gone in &group.merged {
            let young = *self.spans.keys().find(|age| age.id == *gone).unwrap();
            assert!(age < young, "the elder stays");
            self.spans.remove(&young);
            self.members.values_mut().filter(|member| **member == young).for_each(|member| *member = age);
            self.merged.insert(*gone, age.id);
        }
        let spans = self.spans.entry(age).or_default();
        spans.extend(group.spans.iter().map(|link| (link.key, *link)));
        self.members.extend(group.alerts.iter().map(|number| (given[*number], age)));
    }

    fn partition(&self) -> BTreeSet<BTreeSet<[u8; 32]>> {
        let mut groups: BTreeMap<IncidentAge, BTreeSet<[u8; 32]>> = BTreeMap::new();
        for (alert, incident) in &self.members {
            groups.entry(*incident).or_default().insert(*alert);
        }
        groups.into_values().collect()
    }
}

/// Joins any two groups that share a key within the gap until there are none.
fn all_pairs(kind: Kind, alerts: &[Alert]) -> BTreeSet<BTreeSet<[u8; 32]>> {
    type Held = (BTreeSet<[u8; 32]>, BTreeMap<Key, (i64, i64)>);
    let one = |alert: &Alert| {
        let links = links_of(kind, alert, usize::MAX);
        let spans = links.iter().map(|link| (link.key, (link.first.0, link.last.0))).collect();
        (!links.is_empty()).then(|| (BTreeSet::from([alert.id]), spans))
    };
    let mut groups: Vec<Held> = alerts.iter().filter_map(one).collect();
    let near = |a: &Held, b: &Held| {
        a.1.iter().any(|(key, x)| b.1.get(key).is_some_and(|y| x.0 <= y.1 + kind.gap() && y.0 <= x.1 + kind.gap()))
    };
    'again: loop {
        for i in 0..groups.len() {
            for j in i + 1..groups.len() {
                if near(&groups[i], &groups[j]) {
                    let (ids, spans) = groups.swap_remove(j);
                    groups[i].0.extend(ids);
                    for (key, (first, last)) in spans {
                        let held = groups[i].1.entry(key).or_insert((first, last));
                        *held = (held.0.min(first), held.1.max(last));
                    }
                    continue 'again;
                }
            }
        }
        return groups.into_iter().map(|(ids, _)| ids).collect();
    }
}

proptest! {
    #[test]
    fn any_order_in_any_portions_gives_the_same_incidents(
        (alerts, order, cuts) in alerts().prop_flat_map(|alerts| {
            // Each version of each alert comes, in any order, and some come again.
            let mut events: Vec<(usize, usize)> = Vec::new();
            for (at, alert) in alerts.iter().enumerate() {
                events.extend((0..alert.versions.len()).map(|version| (at, version)));
            }
            let count = events.len();
            (Just(alerts), Just(events).prop_shuffle(), proptest::collection::vec(1..6_usize, count))
        })
    ) {
        for kind in [Kind::Story, Kind::Wave] {
            let mut kept = Kept::default();
            let mut rest: Vec<(Alert, usize)> = Vec::new();
            let mut newest = BTreeMap::<usize, usize>::new();
            for (at, version) in &order {
                // A server reads an alert as it now stands: it never goes back.
                let version = *newest.entry(*at).and_modify(|known| *known = (*known).max(*version)).or_insert(*version);
                rest.push((alerts[*at].clone(), version));
            }
            let mut rest = &rest[..];
            for cut in cuts.iter().cycle() {
                if rest.is_empty() { break; }
                let (now, later) = rest.split_at(rest.len().min(*cut));
                // In one portion an alert stands as it is.
                let mut portion: BTreeMap<[u8; 32], (Alert, usize)> = BTreeMap::new();
                for (alert, version) in now {
                    let known = portion.entry(alert.id).or_insert((alert.clone(), *version));
                    known.1 = known.1.max(*version);
                }
                let portion: Vec<_> = portion.into_values().collect();
                kept.take(kind, &portion);
                // What comes twice changes nothing.
                let before = kept.partition();
                kept.take(kind, &portion);
                prop_assert_eq!(&kept.partition(), &before);
                rest = later;
            }
            prop_assert_eq!(kept.partition(), all_pairs(kind, &alerts));
            for (young, elder) in &kept.merged {
                prop_assert!(young != elder);
            }
        }
    }
}

fn alert(number: u8, vehicle: Option<u8>, user: Option<u8>, minute: i64) -> (Alert, usize) {
    (Alert { id: [number; 32], rule: 0, vehicle, user, versions: vec![(minute, minute)] }, 0)
}

#[test]
fn an_alert_between_two_incidents_makes_them_the_elder() {
    let mut kept = Kept::default();
    kept.take(Kind::Story, &[alert(1, Some(1), None, 0)]);
    kept.take(Kind::Story, &[alert(2, Some(1), None, 100)]);
    kept.take(Kind::Story, &[alert(3, None, Some(7), 100)]);
    assert_eq!(kept.partition().len(), 3);
    let (first, second) = (kept.members[&[1; 32]], kept.members[&[2; 32]]);
    // In time between the first two, by its account with the third.
    kept.take(Kind::Story, &[alert(4, Some(1), Some(7), 50)]);
    assert_eq!(kept.partition().len(), 1);
    assert_eq!(kept.members[&[3; 32]], first);
    assert_eq!(kept.merged[&second.id], first.id);
}

#[test]
fn a_noisy_rule_over_the_fleet_does_not_join_the_vehicles_stories() {
    let mut kept = Kept::default();
    let noise: Vec<_> = (0..200).map(|n| alert(n, Some(n), None, i64::from(n))).collect();
    kept.take(Kind::Story, &noise);
    assert_eq!(kept.partition().len(), 200);
    let mut waves = Kept::default();
    waves.take(Kind::Wave, &noise);
    assert_eq!(waves.partition().len(), 1, "the wave is one");
}

#[test]
fn a_story_is_left_to_a_wave_only_if_the_wave_tells_all_of_it() {
    assert!(!is_listed(Kind::Story, 1, 1, 0));
    assert!(is_listed(Kind::Story, 1, 1, 1), "an alert that no wave has");
    assert!(is_listed(Kind::Story, 1, 3, 0), "three rules are a story of their own");
    assert!(!is_listed(Kind::Wave, 2, 1, 0) && is_listed(Kind::Wave, 3, 1, 0));
}

/// Technique ids of all tags in the shipped rules.
fn shipped_techniques() -> BTreeSet<String> {
    let rules = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules");
    let mut found = BTreeSet::new();
    for dir in std::fs::read_dir(rules).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        for file in std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
            let text = std::fs::read_to_string(file).unwrap();
            let tags = text.lines().filter_map(|line| line.trim().strip_prefix("- attack."));
            found.extend(tags.filter(|tag| tag.starts_with('t')).map(str::to_ascii_uppercase));
        }
    }
    found
}

#[test]
fn every_technique_of_a_shipped_rule_has_a_tactic() {
    let shipped = shipped_techniques();
    assert!(shipped.len() > 50, "{shipped:?}");
    let unknown: Vec<_> = shipped.iter().filter(|id| technique(id).is_none()).collect();
    assert!(unknown.is_empty(), "no tactic in tactic.rs: {unknown:?}");
    assert_eq!(technique("T0855").unwrap().tactic, Tactic::ImpairProcessControl);
    assert_eq!(technique("T9999"), None);
}

fn share(rule: u8, level: Severity, domain: Domain, technique: &str, minute: i64) -> Share {
    Share {
        title: Text { en: format!("Rule {rule}"), ja: format!("ルール {rule}") },
        level,
        technique: Some(technique.to_owned()),
        domain,
        event: None,
        moving: None,
        vehicles_counted: 0,
        precision_percent: None,
        first: UnixMicros(minute * MINUTE),
        last: UnixMicros(minute * MINUTE),
        alerts: 1,
    }
}

fn summary(shares: &[Share]) -> Summary<'_> {
    Summary { kind: Kind::Story, shares, vehicles: 1, models: 1 }
}

fn shares() -> impl Strategy<Value = Vec<Share>> {
    let level = prop_oneof![Just(Severity::Low), Just(Severity::High), Just(Severity::Critical)];
    let known = prop_oneof![Just("T0855"), Just("T0846"), Just("T0859"), Just("T1430"), Just("none")];
    let one = (level, 0..16_usize, known, 0..50_i64, proptest::option::of(any::<bool>()), 0..2_000_u64);
    proptest::collection::vec(one, 1..12).prop_map(|all| {
        let make = |(number, (level, domain, technique, minute, moving, counted))| {
            let domain = Domain::ALL[domain];
            Share { moving, vehicles_counted: counted, ..share(number, level, domain, technique, minute) }
        };
        (0..).zip(all).map(make).collect()
    })
}

proptest! {
    #[test]
    fn one_more_rule_never_weighs_less_and_the_parts_are_the_score(shares in shares()) {
        let mut before = 0;
        for end in 1..=shares.len() {
            let now = assess(&summary(&shares[..end]));
            prop_assert!(now.score >= before && now.score <= 100);
            prop_assert_eq!(now.score, now.parts.iter().map(|part| part.points).sum::<u8>());
            for part in &now.parts {
                let sum: i16 = part.reasons.iter().map(|(_, points)| i16::from(*points)).sum();
                prop_assert_eq!(i16::from(part.points), sum.clamp(0, i16::from(part.most)));
            }
            before = now.score;
        }
    }
}

#[test]
fn driving_functions_weigh_more_than_sign_ins() {
    let takeover = [
        share(1, Severity::High, Domain::Diag, "T0846", 0),
        share(2, Severity::High, Domain::Diag, "T0859", 5),
        Share { moving: Some(true), ..share(3, Severity::Critical, Domain::Diag, "T0836", 9) },
    ];
    let assessed = assess(&summary(&takeover));
    assert_eq!((assessed.score, assessed.severity), (48 + 8 + 6 + 15, Severity::Critical));
    let guessed = [share(1, Severity::High, Domain::Mobile, "T0859", 0)];
    let guessed = assess(&Summary { vehicles: 0, ..summary(&guessed) });
    assert_eq!((guessed.score, guessed.severity), (16, Severity::Low));
    let subject = Subject { vehicle: Some("kona-1"), entity: None };
    let named = title(&summary(&takeover), &subject);
    assert_eq!(
        (named.en.as_str(), named.ja.as_str()),
        ("Diagnostic takeover: vehicle kona-1", "診断による乗っ取り：車両 kona-1")
    );
    let steps = reason(&Reason::Steps(summary(&takeover).steps()));
    assert_eq!(steps.en, "Tactics followed each other: discovery, then lateral movement, then impairing control.");
}

#[test]
fn a_rule_that_was_seldom_right_weighs_less() {
    let doubtful = Share { precision_percent: Some(20), ..share(1, Severity::Critical, Domain::Can, "T0855", 0) };
    let sure = assess(&summary(&[share(1, Severity::Critical, Domain::Can, "T0855", 0)]));
    let doubted = assess(&summary(&[doubtful]));
    assert_eq!((sure.score, doubted.score), (54, 35));
    assert!(doubted.parts[0].reasons.contains(&(Reason::Precision(20), -19)));
}

#[test]
fn the_most_points_add_up_and_the_page_shows_the_table() {
    assert_eq!(WEIGHTS.most.iter().map(|most| u32::from(*most)).sum::<u32>(), 100);
    let page = include_str!("../../../../docs/incidents.md");
    for domain in Domain::ALL {
        let row = format!("| {} | {} |", domain.name(), (WEIGHTS.domain)(domain));
        assert!(page.contains(&row), "docs/incidents.md lacks {row:?}");
    }
}
