//! Which of several statements stands, and why the others do not.
//!
//! Not a resolver of identities: names are compared as they are written, but that a purl without a version names all of them, and one without
//! qualifiers any. Order: trust in the author, then how exactly the statement names what is asked for, then which is newer.

use crate::vex::{Statement, Subject};
use std::cmp::Reverse;

/// How far an author is trusted: more is more. Whoever asks gives it, such as supplier 3, distributor 2, others 1.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Trust(pub u8);

/// The statement that stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Standing {
    /// Its position.
    pub statement: usize,
    /// Why it stands, in a sentence.
    pub because: String,
    /// The other statements on the same, and why each does not.
    pub over: Vec<(usize, String)>,
}

/// What a statement is wanted on.
#[derive(Clone, Copy, Debug)]
pub struct Question<'q> {
    /// The ids of the vulnerability.
    pub vulnerability: &'q [String],
    /// All names of the product.
    pub product: &'q [Subject],
    /// All names of the component inside it, if one is meant.
    pub component: &'q [Subject],
}

/// The statement that stands of those that concern `question`; none if none does.
#[must_use]
pub fn standing(statements: &[(Trust, Statement)], question: &Question<'_>) -> Option<Standing> {
    let mut fitting: Vec<_> = statements
        .iter()
        .enumerate()
        .filter_map(|(index, (trust, statement))| Some((index, *trust, exactness(statement, question)?, statement)))
        .collect();
    fitting
        .sort_by_key(|(index, trust, exactness, statement)| (Reverse((*trust, *exactness, statement.since)), *index));
    let ((first, trust, exactness, chosen), others) = fitting.split_first()?;
    let over = others.iter().map(|(index, other_trust, other_exactness, other)| {
        let why = if other_trust < trust {
            "its author is trusted less"
        } else if other_exactness < exactness {
            "it names the product less exactly"
        } else if other.since < chosen.since {
            "it is older"
        } else {
            "it says the same later in the list"
        };
        (*index, why.to_owned())
    });
    let author = chosen.author.as_deref().unwrap_or("an unnamed author");
    let since = chosen.since.map_or_else(String::new, |since| format!(" since {}", since.text()));
    let because =
        format!("{author} says so{since}, naming {}", chosen.subjects.first().map_or("nothing", Subject::text));
    Some(Standing { statement: *first, because, over: over.collect() })
}

/// How exactly a statement names what is asked for; none if it does not.
fn exactness(statement: &Statement, question: &Question<'_>) -> Option<(u8, u8)> {
    if !statement.vulnerability.iter().any(|id| question.vulnerability.contains(id)) {
        return None;
    }
    let of_product = best(&statement.subjects, question.product);
    if statement.within.is_empty() {
        // A statement on the component itself holds in every product that contains it.
        return match of_product {
            Some(exactness) => Some((1, exactness)),
            None => Some((0, best(&statement.subjects, question.component)?)),
        };
    }
    of_product?;
    Some((2, best(&statement.within, question.component)?))
}

fn best(names: &[Subject], asked: &[Subject]) -> Option<u8> {
    names.iter().flat_map(|name| asked.iter().filter_map(move |other| covers(name, other))).max()
}

/// How exactly `name` covers `other`: 2 as it is written, 1 as all its versions or variants.
pub(crate) fn covers(name: &Subject, other: &Subject) -> Option<u8> {
    if name == other {
        return Some(2);
    }
    let (Subject::Purl(name), Subject::Purl(other)) = (name, other) else { return None };
    let ((name, version, qualifiers), (other, other_version, other_qualifiers)) = (parts(name), parts(other));
    let fits = name == other
        && (version.is_empty() || version == other_version)
        && qualifiers.iter().all(|pair| other_qualifiers.contains(pair));
    fits.then_some(if version.is_empty() { 1 } else { 2 })
}

/// A purl as name, version and qualifiers.
fn parts(purl: &str) -> (&str, &str, Vec<&str>) {
    let purl = purl.split('#').next().unwrap_or(purl);
    let (front, qualifiers) = purl.split_once('?').unwrap_or((purl, ""));
    let (name, version) = front.rsplit_once('@').filter(|(_, version)| !version.contains('/')).unwrap_or((front, ""));
    (name, version, qualifiers.split('&').filter(|pair| !pair.is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use super::{Question, Trust, standing};
    use crate::Instant;
    use crate::vex::{Statement, Status, Subject};

    fn said(product: &str, status: Status, since: &str) -> Statement {
        let mut statement = Statement::new("CVE-2024-1", Subject::named(product), status);
        statement.since = Instant::parse(since);
        statement
    }

    #[test]
    fn trust_goes_before_exactness_and_that_before_time() {
        let vulnerability = ["CVE-2024-1".to_owned()];
        let product = [Subject::named("pkg:deb/debian/curl@7.88?arch=arm64")];
        let question = Question { vulnerability: &vulnerability, product: &product, component: &[] };
        let old = said("pkg:deb/debian/curl@7.88", Status::Affected, "2024-01-01");
        let new = said("pkg:deb/debian/curl@7.88", Status::Fixed, "2024-02-01");
        let vague = said("pkg:deb/debian/curl", Status::NotAffected, "2024-03-01");
        let other = said("pkg:deb/debian/curl@8.0", Status::Affected, "2024-04-01");
        let all = [(Trust(1), old), (Trust(1), new), (Trust(1), vague.clone()), (Trust(1), other)];
        let found = standing(&all, &question).unwrap();
        assert_eq!(found.statement, 1);
        assert_eq!(found.over, [(0, "it is older".to_owned()), (2, "it names the product less exactly".to_owned())]);
        let mut trusted = all.to_vec();
        trusted.push((Trust(3), vague));
        assert_eq!(standing(&trusted, &question).unwrap().statement, 4);
    }
}
