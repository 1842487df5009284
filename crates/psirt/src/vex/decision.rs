//! Decisions that people made on findings, for a scope and until a day, and which of them holds.
//!
//! Not a statement of somebody else's ([`crate::vex::Statement`]), not a store. A scope names products and components without versions, and
//! versions as a range: that is how a decision survives a version bump. Pure: the instant is given, and so is what a range contains.

use crate::Instant;
use crate::advisory::Versions;
use crate::vex::merge::covers;
use crate::vex::{Justification, Status, Subject};

/// Where a decision holds, from narrow to wide.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Scope {
    /// One version of one product, and no other.
    Release {
        /// The product.
        product: String,
        /// Its version.
        version: String,
    },
    /// All versions of a product, those to come included.
    Product(String),
    /// All products of a line.
    Line(String),
    /// All products.
    Portfolio,
}

/// Versions of a component.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Range {
    /// All, those to come included.
    All,
    /// Those within.
    Within(Versions),
}

/// A decision.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Decision {
    /// Its id.
    pub id: String,
    /// The vulnerabilities that it is on.
    pub vulnerability: Vec<String>,
    /// In which products it holds.
    pub scope: Scope,
    /// On which component, by a name without version; none is on all.
    pub component: Option<Subject>,
    /// On which of its versions.
    pub versions: Range,
    /// What was decided.
    pub status: Status,
    /// Why the products are not affected.
    pub justification: Option<Justification>,
    /// Why, in words.
    pub reason: String,
    /// Who decided.
    pub by: String,
    /// When.
    pub made: Instant,
    /// The instant from which it holds no more.
    pub until: Option<Instant>,
}

/// A finding that a decision is wanted on.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// The ids of the vulnerability.
    pub vulnerability: &'a [String],
    /// The product.
    pub product: &'a str,
    /// Its version.
    pub release: &'a str,
    /// The lines that it belongs to.
    pub lines: &'a [String],
    /// All names of the component.
    pub component: &'a [Subject],
    /// The component's version.
    pub version: &'a str,
}

/// The decision that holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ruling {
    /// Its position.
    pub decision: usize,
    /// Why it holds, in a sentence.
    pub because: String,
}

/// Which decision holds for `about` at `now`; and of each that is on the same vulnerability and does not hold, why.
///
/// `contains` says whether a version lies in a range; what cannot be compared does not.
#[must_use]
pub fn rule(
    decisions: &[Decision],
    about: &About<'_>,
    now: Instant,
    contains: &dyn Fn(&Versions, &str) -> bool,
) -> (Option<Ruling>, Vec<(usize, String)>) {
    let mut others = Vec::new();
    let mut fitting = Vec::new();
    for (index, decision) in decisions.iter().enumerate() {
        if !decision.vulnerability.iter().any(|id| about.vulnerability.contains(id)) {
            continue;
        }
        match against(decision, about, now, contains) {
            Some(why) => others.push((index, why)),
            None => fitting.push((index, decision)),
        }
    }
    fitting.sort_by_key(|(index, decision)| (width(decision), std::cmp::Reverse(decision.made), *index));
    let mut fitting = fitting.into_iter();
    let Some((index, decision)) = fitting.next() else { return (None, others) };
    for (other, wider) in fitting {
        let why = if width(wider) > width(decision) {
            format!("`{}` is narrower", decision.id)
        } else {
            format!("`{}` is newer", decision.id)
        };
        others.push((other, why));
    }
    others.sort();
    let until = decision.until.map_or_else(String::new, |until| format!(" until {}", until.text()));
    let because = format!("{} decided so for {}{until}: {}", decision.by, named(&decision.scope), decision.reason);
    (Some(Ruling { decision: index, because }), others)
}

/// Why a decision does not hold; none if it does.
fn against(
    decision: &Decision,
    about: &About<'_>,
    now: Instant,
    contains: &dyn Fn(&Versions, &str) -> bool,
) -> Option<String> {
    if now < decision.made {
        return Some(format!("it is made only on {}", decision.made.text()));
    }
    if let Some(until) = decision.until.filter(|until| now >= *until) {
        return Some(format!("it expired on {}", until.text()));
    }
    let in_scope = match &decision.scope {
        Scope::Release { product, version } => product == about.product && version == about.release,
        Scope::Product(product) => product == about.product,
        Scope::Line(line) => about.lines.contains(line),
        Scope::Portfolio => true,
    };
    if !in_scope {
        return Some(format!("it is for {}", named(&decision.scope)));
    }
    if let Some(component) = &decision.component
        && !about.component.iter().any(|name| covers(component, name).is_some())
    {
        return Some(format!("it is on {}", component.text()));
    }
    match &decision.versions {
        Range::Within(versions) if !contains(versions, about.version) => {
            Some(format!("{} is not in its range of versions", about.version))
        }
        _ => None,
    }
}

/// Narrow before wide: the scope, then whether a component is named, then whether its versions are.
fn width(decision: &Decision) -> (u8, bool, bool) {
    let scope = match decision.scope {
        Scope::Release { .. } => 0,
        Scope::Product(_) => 1,
        Scope::Line(_) => 2,
        Scope::Portfolio => 3,
    };
    (scope, decision.component.is_none(), decision.versions == Range::All)
}

fn named(scope: &Scope) -> String {
    match scope {
        Scope::Release { product, version } => format!("{product} {version}"),
        Scope::Product(product) => format!("all versions of {product}"),
        Scope::Line(line) => format!("the line {line}"),
        Scope::Portfolio => "all products".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{About, Decision, Range, Scope, rule};
    use crate::Instant;
    use crate::advisory::{End, Versions};
    use crate::vex::{Status, Subject};

    fn decision(id: &str, scope: Scope, made: &str) -> Decision {
        Decision {
            id: id.to_owned(),
            vulnerability: vec!["CVE-2024-1".to_owned()],
            scope,
            component: Some(Subject::named("pkg:generic/zlib")),
            versions: Range::All,
            status: Status::NotAffected,
            justification: None,
            reason: "not reachable".to_owned(),
            by: "ana".to_owned(),
            made: Instant::parse(made).unwrap(),
            until: None,
        }
    }

    /// Versions compared as text, which is enough here.
    fn contains(versions: &Versions, version: &str) -> bool {
        matches!(versions, Versions::Interval { end: End::Before(end), .. } if version < end.as_str())
    }

    fn ask(decisions: &[Decision], release: &str, zlib: &str, now: &str) -> (Option<usize>, Vec<(usize, String)>) {
        let name = [Subject::named(&format!("pkg:generic/zlib@{zlib}"))];
        let about = About {
            vulnerability: &["CVE-2024-1".to_owned()],
            product: "gateway",
            release,
            lines: &["ecu".to_owned()],
            component: &name,
            version: zlib,
        };
        let (ruling, others) = rule(decisions, &about, Instant::parse(now).unwrap(), &contains);
        (ruling.map(|ruling| ruling.decision), others)
    }

    #[test]
    fn a_decision_survives_new_versions_of_product_and_component() {
        let all = [decision("a", Scope::Product("gateway".to_owned()), "2024-01-01")];
        for (release, zlib) in [("1.0", "1.2"), ("2.0", "1.3"), ("3.0", "2.0")] {
            assert_eq!(ask(&all, release, zlib, "2024-06-01").0, Some(0), "{release} {zlib}");
        }
    }

    #[test]
    fn the_narrow_one_holds_and_each_other_is_explained() {
        let mut expired =
            decision("old", Scope::Release { product: "gateway".to_owned(), version: "1.0".to_owned() }, "2024-01-01");
        expired.until = Instant::parse("2024-03-01");
        let mut ranged = decision("ranged", Scope::Product("gateway".to_owned()), "2024-01-01");
        ranged.versions =
            Range::Within(Versions::Interval { scheme: None, introduced: None, end: End::Before("1.3".to_owned()) });
        let all = [
            decision("wide", Scope::Portfolio, "2024-05-01"),
            decision("line", Scope::Line("ecu".to_owned()), "2024-04-01"),
            ranged,
            expired,
        ];
        assert_eq!(ask(&all, "1.0", "1.2", "2024-02-01").0, Some(3));
        let (held, others) = ask(&all, "1.0", "1.2", "2024-06-01");
        assert_eq!(held, Some(2));
        assert_eq!(
            others,
            [
                (0, "`ranged` is narrower".to_owned()),
                (1, "`ranged` is narrower".to_owned()),
                (3, "it expired on 2024-03-01T00:00:00Z".to_owned())
            ]
        );
        assert_eq!(ask(&all, "1.0", "1.3", "2024-06-01").0, Some(1));
    }
}
