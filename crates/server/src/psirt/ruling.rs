//! What holds of a finding: people's decisions before what the SBOM settles, before nothing.
//!
//! Not the rule among decisions (`yagura_psirt::vex::rule`: the narrowest, then the newest) and not the rows. Pure: the instant is given.

use yagura_model::UnixMicros;
use yagura_psirt::Instant;
use yagura_psirt::advisory::Versions;
use yagura_psirt::identity::Purl;
use yagura_psirt::version::{Scheme, StatedError, key_or_fallback, stated};
use yagura_psirt::vex::{About, Decision, Status, Subject, rule};

/// Where a finding stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FindingState {
    /// Nobody has looked at it.
    Open,
    /// Somebody looks at it.
    Triaged,
    /// It is decided whether the product is affected.
    Decided,
    /// This version holds the fix.
    Fixed,
    /// The SBOM or the advisories do not say it any more.
    Gone,
}

impl FindingState {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Open, Self::Triaged, Self::Decided, Self::Fixed, Self::Gone];

    /// The kept number.
    #[must_use]
    pub const fn code(self) -> i64 {
        match self {
            Self::Open => 0,
            Self::Triaged => 1,
            Self::Decided => 2,
            Self::Fixed => 3,
            Self::Gone => 4,
        }
    }

    /// The inverse of [`Self::code`]; a number that this program does not know is open.
    #[must_use]
    pub fn of(code: i64) -> Self {
        Self::ALL.into_iter().find(|state| state.code() == code).unwrap_or(Self::Open)
    }
}

/// The kept number of a status.
#[must_use]
pub const fn status_code(status: Status) -> i64 {
    match status {
        Status::Affected => 0,
        Status::NotAffected => 1,
        Status::Fixed => 2,
        Status::UnderInvestigation => 3,
    }
}

/// The inverse of [`status_code`]; a number that this program does not know is affected.
#[must_use]
pub const fn status_of(code: i64) -> Status {
    match code {
        1 => Status::NotAffected,
        2 => Status::Fixed,
        3 => Status::UnderInvestigation,
        _ => Status::Affected,
    }
}

/// A finding as decisions see it.
#[derive(Clone, Debug)]
pub struct Subjected<'a> {
    /// All ids of the vulnerability.
    pub names: &'a [String],
    /// The product's id.
    pub product: &'a str,
    /// Its version.
    pub release: &'a str,
    /// Its line; empty if none.
    pub line: &'a str,
    /// The component's name.
    pub name: &'a str,
    /// Its package URL.
    pub purl: Option<&'a str>,
    /// Its version.
    pub version: Option<&'a str>,
    /// What the SBOM or a patch settles.
    pub settled: Option<(Status, &'a str)>,
}

/// What holds of a finding.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Held {
    /// The status.
    pub status: Status,
    /// The state.
    pub state: FindingState,
    /// The decision, by its place in the list.
    pub decision: Option<usize>,
    /// Why, in a sentence; empty if nothing was said.
    pub because: String,
    /// Each decision on the vulnerability that does not hold, and why.
    pub others: Vec<(usize, String)>,
}

/// What holds of `about` at `now`.
#[must_use]
pub fn hold(decisions: &[Decision], about: &Subjected<'_>, now: UnixMicros) -> Held {
    let mut component = vec![Subject::Name(about.name.to_owned())];
    component.extend(about.purl.map(|purl| Subject::Purl(purl.to_owned())));
    let lines: Vec<String> = Some(about.line).filter(|line| !line.is_empty()).map(str::to_owned).into_iter().collect();
    let asked = About {
        vulnerability: about.names,
        product: about.product,
        release: about.release,
        lines: &lines,
        component: &component,
        version: about.version.unwrap_or_default(),
    };
    let contains = |versions: &Versions, version: &str| contains(versions, about.purl, version);
    let (ruling, others) = rule(decisions, &asked, Instant(now.0), &contains);
    let decided = ruling.and_then(|ruling| Some((decisions.get(ruling.decision)?.status, ruling)));
    match decided {
        Some((status, ruling)) => {
            let state = state_of(status);
            Held { status, state, decision: Some(ruling.decision), because: ruling.because, others }
        }
        None => match about.settled {
            Some((status, why)) => {
                Held { status, state: state_of(status), decision: None, because: why.to_owned(), others }
            }
            None => {
                let (status, state) = (Status::Affected, FindingState::Open);
                Held { status, state, decision: None, because: String::new(), others }
            }
        },
    }
}

const fn state_of(status: Status) -> FindingState {
    match status {
        Status::UnderInvestigation => FindingState::Triaged,
        Status::Fixed => FindingState::Fixed,
        Status::Affected | Status::NotAffected => FindingState::Decided,
    }
}

/// The scheme by which versions of a package are ordered.
fn scheme(purl: Option<&str>) -> Option<Scheme> {
    Scheme::named(&Purl::read(purl?).ok()?.parts().kind)
}

fn contains(versions: &Versions, purl: Option<&str>, version: &str) -> bool {
    let Ok(stated) = stated(versions, scheme(purl)) else { return false };
    key_or_fallback(stated.range.scheme(), version).is_ok_and(|(key, _)| stated.range.contains(&key))
}

/// Versions of a component as somebody writes them: `vers:deb/<1.3`, `>=1.0, <1.3`.
///
/// # Errors
/// They cannot be read for a component with this package URL.
pub fn versions(text: &str, purl: Option<&str>) -> Result<Versions, StatedError> {
    let versions = Versions::Notation(text.to_owned());
    stated(&versions, scheme(purl)).map(|_| versions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_versions_is_read_by_the_packages_scheme() {
        let purl = Some("pkg:deb/debian/zlib@1.2.13");
        for (range, version, holds) in [
            ("<1.3", "1.2.13", true),
            ("<1.3", "1.3~rc1", true),
            ("<1.3", "1.3", false),
            ("vers:deb/>=1.2|<1.3", "1.2.13", true),
            ("vers:deb/>=1.2|<1.3", "1:1.2.13", false),
        ] {
            let versions = versions(range, purl).unwrap();
            assert_eq!(contains(&versions, purl, version), holds, "{version} in {range}");
        }
        assert!(versions("vers:deb/<<", purl).is_err());
    }
}
