//! What correlations mean, straight from the set of events: slow, and written apart from the engine.

use std::collections::{BTreeMap, BTreeSet};

pub(crate) const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3_600 * SECOND;

/// One event.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// In seconds.
    pub(crate) at: i64,
    /// 0 unknown identifier, 1 silent identifier, 2 early frame.
    pub(crate) kind: usize,
    pub(crate) vehicle: u32,
    pub(crate) bus: Option<u32>,
    pub(crate) expected: u32,
    pub(crate) observed: Option<i32>,
}

impl Event {
    fn field(&self, name: &str) -> Option<String> {
        match name {
            "vehicle" => Some(format!("v{}", self.vehicle)),
            "bus" => self.bus.map(|bus| bus.to_string()),
            "expected" => Some(self.expected.to_string()),
            "observed" => self.observed.map(|number| number.to_string()),
            other => panic!("no field {other}"),
        }
    }
}

/// A condition over rules, as text and as a function of which of them matched.
type Expression = (&'static str, fn(&[bool]) -> bool);

/// What a correlation counts, as its rule says.
pub(crate) struct Spec {
    pub(crate) id: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) rules: &'static [&'static str],
    pub(crate) group_by: &'static [&'static str],
    /// Alias, rule, field.
    pub(crate) aliases: &'static [(&'static str, &'static str, &'static str)],
    pub(crate) fields: &'static [&'static str],
    pub(crate) span: i64,
    pub(crate) bounds: &'static [(&'static str, f64)],
    pub(crate) expression: Option<Expression>,
}

impl Spec {
    /// Its rule.
    pub(crate) fn text(&self) -> String {
        let list = |items: &[&str]| format!("[{}]", items.join(", "));
        let (kind, percentile) = self.kind.split_once(' ').unwrap_or((self.kind, ""));
        let mut condition: Vec<String> = self.bounds.iter().map(|(name, bound)| format!("{name}: {bound}")).collect();
        if !self.fields.is_empty() {
            condition.push(format!("field: {}", list(self.fields)));
        }
        if !percentile.is_empty() {
            condition.push(format!("percentile: {percentile}"));
        }
        let condition = match self.expression {
            Some((text, _)) => format!("  condition: {text}\n"),
            None if condition.is_empty() => String::new(),
            None => format!("  condition: {{{}}}\n", condition.join(", ")),
        };
        let mut aliases: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (alias, rule, field) in self.aliases {
            aliases.entry(alias).or_default().push(format!("{rule}: {field}"));
        }
        let aliases: Vec<_> =
            aliases.iter().map(|(name, fields)| format!("{name}: {{{}}}", fields.join(", "))).collect();
        format!(
            "---\ntitle: {id}\nid: {id}\ncorrelation:\n  type: {kind}\n  rules: {}\n  group-by: {}\n  timespan: {}s\n  generate: true\n  \
             aliases: {{{}}}\n{condition}yagura: {{lateness: 60s}}\n",
            list(self.rules),
            list(self.group_by),
            self.span,
            aliases.join(", "),
            id = self.id,
        )
    }
}

/// An event of one group: its time in µs, which rules it stands for, and its value.
#[derive(Clone, Debug)]
struct Member {
    time: i64,
    rules: BTreeSet<usize>,
    value: Vec<String>,
}

/// Alerts by rule, group and start of the period: events, first and last.
pub(crate) type Alerts = BTreeMap<(String, Vec<String>, i64), (u64, i64, i64)>;
/// Groups and times at which windows fire.
type Firings = BTreeSet<(Vec<String>, i64)>;

/// All alerts of all correlations. `matches` says which plain rules an event matches.
pub(crate) fn alerts(specs: &[Spec], events: &[Event], matches: impl Fn(&str, &Event) -> bool) -> Alerts {
    let mut fired: BTreeMap<&str, (&Spec, Firings)> = BTreeMap::new();
    let mut alerts = Alerts::new();
    for spec in specs {
        let mut groups: BTreeMap<Vec<String>, Vec<Member>> = BTreeMap::new();
        let named = |field: &str, rule: &str| {
            let alias = spec.aliases.iter().find(|(alias, of, _)| *alias == field && *of == rule);
            alias.map_or(field, |(_, _, field)| *field).to_owned()
        };
        for event in events {
            let mut own: BTreeMap<Vec<String>, Member> = BTreeMap::new();
            for (index, rule) in spec.rules.iter().enumerate().filter(|(_, rule)| matches(rule, event)) {
                let get = |fields: &[&str]| {
                    fields.iter().map(|field| event.field(&named(field, rule))).collect::<Option<Vec<_>>>()
                };
                let (Some(group), Some(value)) = (get(spec.group_by), get(spec.fields)) else { continue };
                let member = Member { time: event.at * SECOND, rules: BTreeSet::new(), value };
                own.entry(group).or_insert(member).rules.insert(index);
            }
            own.into_iter().for_each(|(group, member)| groups.entry(group).or_default().push(member));
        }
        for (index, rule) in spec.rules.iter().enumerate() {
            let Some((below, firings)) = fired.get(rule) else { continue };
            for (values, time) in firings {
                let pick = |field: &&str| {
                    let place = below.group_by.iter().position(|known| *known == named(field, rule));
                    values[place.expect("a field of the firing")].clone()
                };
                let (group, value) = (spec.group_by.iter().map(pick).collect(), spec.fields.iter().map(pick).collect());
                groups.entry(group).or_default().push(Member { time: *time, rules: [index].into(), value });
            }
        }
        let mut firings = Firings::new();
        for (group, members) in &groups {
            judge(spec, group, members, &mut alerts, &mut firings);
        }
        fired.insert(spec.id, (spec, firings));
    }
    alerts
}

fn judge(spec: &Spec, group: &[String], members: &[Member], alerts: &mut Alerts, firings: &mut Firings) {
    let (span, period) = (spec.span * SECOND, HOUR.max(spec.span * SECOND));
    let mut counted: BTreeMap<i64, BTreeSet<usize>> = BTreeMap::new();
    for closing in members {
        let inside = |member: &Member| member.time <= closing.time && member.time > closing.time - span;
        let window: Vec<(usize, &Member)> = members.iter().enumerate().filter(|(_, member)| inside(member)).collect();
        let held: Vec<&Member> = window.iter().map(|(_, member)| *member).collect();
        if fires(spec, &held) {
            counted
                .entry(closing.time - closing.time.rem_euclid(period))
                .or_default()
                .extend(window.iter().map(|(index, _)| *index));
            firings.insert((group.to_vec(), closing.time));
        }
    }
    for (start, indexes) in counted {
        let times: Vec<i64> = indexes.iter().map(|index| members[*index].time).collect();
        let sum = (times.len() as u64, *times.iter().min().expect("some"), *times.iter().max().expect("some"));
        alerts.insert((spec.id.to_owned(), group.to_vec(), start), sum);
    }
}

fn fires(spec: &Spec, window: &[&Member]) -> bool {
    let matched: Vec<bool> =
        (0..spec.rules.len()).map(|rule| window.iter().any(|member| member.rules.contains(&rule))).collect();
    if let Some((_, expression)) = spec.expression {
        return expression(&matched);
    }
    let mut numbers: Vec<f64> = window.iter().filter_map(|member| member.value.first()?.parse().ok()).collect();
    numbers.sort_by(f64::total_cmp);
    let (kind, percent) = spec.kind.split_once(' ').unwrap_or((spec.kind, "50"));
    let number = match kind {
        "event_count" => window.len() as f64,
        "value_count" => window.iter().map(|member| &member.value).collect::<BTreeSet<_>>().len() as f64,
        "value_sum" => numbers.iter().sum(),
        "value_avg" => numbers.iter().sum::<f64>() / numbers.len() as f64,
        "value_percentile" | "value_median" => {
            let place = percent.parse::<f64>().expect("a number") * (numbers.len() - 1) as f64 / 100.0;
            let (low, high) = (numbers[place.floor() as usize], numbers[place.ceil() as usize]);
            low + (high - low) * place.fract()
        }
        "temporal" => matched.iter().filter(|matched| **matched).count() as f64,
        "temporal_ordered" => longest(window, 0, i64::MIN, spec.rules.len()) as f64,
        other => panic!("no type {other}"),
    };
    let all = [("gte", spec.rules.len() as f64)];
    let bounds = if spec.bounds.is_empty() { &all[..] } else { spec.bounds };
    bounds.iter().all(|(relation, bound)| match *relation {
        "gt" => number > *bound,
        "gte" => number >= *bound,
        "lt" => number < *bound,
        "lte" => number <= *bound,
        "eq" => number == *bound,
        "neq" => number != *bound,
        other => panic!("no relation {other}"),
    })
}

/// The longest chain of rules in their order, from `rule` on and not before `time`.
fn longest(window: &[&Member], rule: usize, time: i64, rules: usize) -> usize {
    if rule == rules {
        return 0;
    }
    let without = longest(window, rule + 1, time, rules);
    let fits = window.iter().filter(|member| member.rules.contains(&rule) && member.time >= time);
    fits.map(|member| member.time)
        .min()
        .map_or(without, |first| without.max(1 + longest(window, rule + 1, first, rules)))
}
