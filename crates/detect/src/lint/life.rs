//! Remarks on the custom field `yagura`: exceptions without a reason, that are over or soon will be, and owners that nobody can reach.
//!
//! Not what cannot be read (that is an error of `crate::life`). A filter that says nothing of itself is plain Sigma and may be used;
//! a person is still asked why it is there.

use super::{Linter, place};
use crate::life;
use crate::yaml::Node;
use yagura_model::UnixMicros;

/// So long before its end, in µs, an exception is named: 14 days.
const SOON: i64 = 14 * 86_400_000_000;

impl Linter<'_> {
    pub(super) fn life(&mut self, node: &Node, now: UnixMicros) {
        let extra = node.get("yagura");
        if node.get("filter").is_some() {
            self.exception(node, extra, now);
        }
        if let Some(owner) = extra.and_then(|extra| extra.get("owner"))
            && owner.scalar_text().is_some_and(|text| !can_be_reached(&text))
        {
            let advice = "write the name of a team, or an address such as soc@example.com".to_owned();
            self.warn(place(owner), "the owner is neither a team nor an address", advice);
        }
    }

    fn exception(&mut self, node: &Node, extra: Option<&Node>, now: UnixMicros) {
        let Some(extra) = extra else {
            let advice = "add `yagura: {reason: …, expires: 2027-01-31, owner: …}`".to_owned();
            return self.warn(place(node), "the filter does not say why it leaves events out", advice);
        };
        let Ok(terms) = life::terms(Some(extra)) else { return };
        let (at, end) = match (extra.get("expires"), terms.expires) {
            (Some(written), Some(end)) => (place(written), end),
            _ => {
                let advice = "add `expires: 2027-01-31`, a day on which somebody looks at it again".to_owned();
                return self.warn(place(extra), "the exception never ends", advice);
            }
        };
        if end <= now {
            let advice = "take the filter out, or give it a later day if its reason still holds".to_owned();
            self.warn(at, "the exception is over: events from then on raise alerts again", advice);
        } else if end.0.saturating_sub(now.0) <= SOON {
            let advice = "see whether its reason still holds".to_owned();
            self.warn(at, "the exception ends within 14 days", advice);
        }
    }
}

/// A name of a team, or something with one `@` and a domain behind it.
fn can_be_reached(owner: &str) -> bool {
    let owner = owner.trim();
    match owner.split_once('@') {
        None => owner.chars().any(char::is_alphanumeric),
        Some((who, domain)) => {
            let plain = |part: &str| !part.is_empty() && !part.contains(['@', ' ']);
            plain(who) && plain(domain) && domain.contains('.') && !domain.starts_with('.') && !domain.ends_with('.')
        }
    }
}
