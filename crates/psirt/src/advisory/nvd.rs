//! NVD JSON 2.0: records of the API and of the feeds.
//!
//! Not the page around them: [`crate::advisory::documents`] takes that away. NVD's own analysis and what it repeats of others is told apart
//! by the `source` of each score.

use crate::advisory::context::{At, Context, add, weakness};
use crate::advisory::{Advisory, Score, Source, cpe_match};
use serde_json::Value;

/// Reads the `cve` of a record.
pub(crate) fn read(record: &Value, context: &mut Context<'_>, at: &At<'_>) {
    let Some(id) = context.owned(record, "id", at) else { return };
    let mut advisory = Advisory::new(id, Source::Nvd);
    advisory.published = context.instant(record, "published", at);
    advisory.modified = context.instant(record, "lastModified", at);
    if context.text(record, "vulnStatus", at).is_some_and(|status| status.eq_ignore_ascii_case("rejected")) {
        advisory.withdrawn = advisory.modified.or(advisory.published).or(Some(crate::Instant(0)));
    }
    let texts = context.list(record, "descriptions", at);
    let english = texts.iter().find(|text| text.get("lang").and_then(Value::as_str) == Some("en"));
    advisory.description =
        english.or(texts.first()).and_then(|text| context.owned(text, "value", at)).unwrap_or_default();
    advisory.title = context.owned(record, "cisaVulnerabilityName", at).unwrap_or_default();
    advisory.remedies.extend(context.owned(record, "cisaRequiredAction", at));
    scores(context, record, at, &mut advisory);
    for weaknesses in context.list(record, "weaknesses", at) {
        for description in context.list(weaknesses, "description", at) {
            let text = description.get("value").and_then(Value::as_str).filter(|text| text.starts_with("CWE-"));
            if let Some(number) = text.and_then(weakness) {
                add(&mut advisory.weaknesses, number);
            }
        }
    }
    for reference in context.list(record, "references", at) {
        if let Some(url) = context.owned(reference, "url", at) {
            add(&mut advisory.references, url);
        }
    }
    advisory.affected = cpe_match::read(context, record, "configurations", at, "nvd@nist.gov");
    context.advisory(advisory);
}

fn scores(context: &mut Context<'_>, record: &Value, at: &At<'_>, advisory: &mut Advisory) {
    let Some(metrics) = context.object(record, "metrics", at) else { return };
    let place = at.key("metrics");
    for (key, list) in metrics {
        let at = place.key(key);
        for (index, metric) in list.as_array().map_or(&[][..], Vec::as_slice).iter().enumerate() {
            let by = metric.get("source").and_then(Value::as_str).unwrap_or("nvd@nist.gov").to_owned();
            let vector = metric.get("cvssData").and_then(|data| context.owned(data, "vectorString", &at.index(index)));
            if let Some(vector) = vector {
                add(&mut advisory.scores, Score { vector, by });
            }
        }
    }
}
