//! `stream_fixes.json` of linux_kernel_cves: for each CVE of a time before the kernel's own CNA, the fixing commit and version per stable
//! stream.
//!
//! Not the ranges of mainline (the file does not hold them): a stream with a fix is affected before it, other streams are not spoken of.

use crate::advisory::context::{At, Context};
use crate::advisory::{Advisory, Affected, End, Package, Source, Versions};
use crate::vex::Status;
use serde_json::Value;

/// Whether every member is a CVE with streams.
pub(crate) fn is(value: &Value) -> bool {
    value.as_object().is_some_and(|members| {
        !members.is_empty() && members.iter().all(|(key, streams)| key.starts_with("CVE-") && streams.is_object())
    })
}

/// Reads the whole file.
pub(crate) fn read(value: &Value, context: &mut Context<'_>, at: &At<'_>) {
    for (id, streams) in value.as_object().into_iter().flatten() {
        let at = at.key(id);
        let mut advisory = Advisory::new(id.clone(), Source::Distribution);
        let (mut ranges, mut fixed) = (Vec::new(), Vec::new());
        for (stream, fix) in streams.as_object().into_iter().flatten() {
            let at = at.key(stream);
            let Some(version) = context.owned(fix, "fixed_version", &at) else {
                context.wrong(&at, "a stream without `fixed_version`: left out");
                continue;
            };
            fixed.extend(context.owned(fix, "cmt_id", &at));
            let scheme = Some("linux".to_owned());
            let before = Versions::Interval {
                scheme: scheme.clone(),
                introduced: Some(stream.clone()),
                end: End::Before(version.clone()),
            };
            let after = Versions::Interval { scheme, introduced: Some(version), end: End::With(format!("{stream}.*")) };
            ranges.extend([(before, Status::Affected), (after, Status::Fixed)]);
        }
        let commits = Versions::Commits { repository: None, introduced: Vec::new(), fixed, last_affected: Vec::new() };
        ranges.push((commits, Status::Affected));
        advisory.affected.push(Affected {
            packages: vec![
                Package::Product { vendor: "Linux".to_owned(), product: "Linux".to_owned() },
                Package::Cpe("cpe:2.3:o:linux:linux_kernel:*:*:*:*:*:*:*:*".to_owned()),
            ],
            ranges,
            otherwise: None,
            running_on: Vec::new(),
            parts: Vec::new(),
            by: "linux_kernel_cves".to_owned(),
        });
        context.advisory(advisory);
    }
}
