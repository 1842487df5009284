//! Identities × entries → findings.
//!
//! Not the way to an identity, and not what takes a finding away. A surer source of a vulnerability stands in front of a less sure one: what
//! an ecosystem's or distribution's own advisory says of a version is not said again, or otherwise, by a CPE that was mapped onto it.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use crate::component::Component;
use crate::identity::{Cpe, KERNEL, PackageKey};
use crate::index::{Asked, Database, Found, Range, SegmentError, Verdict};
use crate::resolve::{Identity, Method, resolve, resolve_built};
use crate::vex::Status;

use super::{Build, Decision, Finding, Place, Report, Unidentified, group, source_word};

/// Targets of CPE names that are platforms of their own: an entry for them says nothing of the same name elsewhere.
const PLATFORMS: [&str; 12] = [
    "wordpress",
    "drupal",
    "joomla!",
    "jenkins",
    "windows",
    "macos",
    "mac_os_x",
    "mac_os",
    "iphone_os",
    "android",
    "chrome",
    "atlassian",
];

/// An entry that says something of a version.
#[derive(Clone, Copy, Debug)]
struct Hit<'a> {
    found: Found<'a>,
    verdict: Verdict<'a>,
    /// The package is limited to a release that the component does not name.
    is_of_unknown_release: bool,
}

/// Where in the report an advisory (id, document, source) was told of a component.
type Seen<'a> = HashMap<(&'a str, Option<&'a str>, &'static str), usize, foldhash::fast::RandomState>;

/// What a match is made of, so that each is made once: key, version, commit, release.
type Wanted = (PackageKey, Option<String>, Option<String>, Option<String>);

pub(super) struct Matcher<'d, 'a> {
    database: &'d Database<'a>,
    known: HashMap<Wanted, Rc<[Hit<'a>]>, foldhash::fast::RandomState>,
    narrow: HashMap<&'a str, Option<Cpe>, foldhash::fast::RandomState>,
    files: HashMap<(Place, &'a str), Vec<&'a str>>,
}

impl<'d, 'a> Matcher<'d, 'a> {
    pub(super) fn new(database: &'d Database<'a>) -> Self {
        Self { database, known: HashMap::default(), narrow: HashMap::default(), files: HashMap::new() }
    }

    /// Adds what there is to say of a component to the report.
    pub(super) fn component(
        &mut self,
        place: Place,
        component: &Component,
        recipe: Option<&Component>,
        report: &mut Report<'a>,
    ) -> Result<(), SegmentError> {
        let resolved = match recipe {
            Some(recipe) => resolve_built(self.database, component, recipe)?,
            None => resolve(self.database, component)?,
        };
        if !resolved.is_identified {
            report.unidentified.push(Unidentified { place, tried: resolved.tried });
        }
        let says_version = |identity: &Identity| identity.version.is_some() || identity.commit.is_some();
        if resolved.is_identified && !resolved.identities.iter().any(says_version) {
            report.unversioned.push(place);
        }
        let mut seen = Seen::default();
        // Vulnerabilities of which a surer identity's own advisories spoke, whatever they said.
        let mut spoken: HashSet<&'a str> = HashSet::new();
        let has_derived = resolved.identities.iter().any(is_derived);
        for identity in &resolved.identities {
            let hits = self.hits(identity)?;
            for hit in
                hits.iter().filter(|hit| matches!(hit.verdict.status, Status::Affected | Status::UnderInvestigation))
            {
                let is_said = is_derived(identity) && is_spoken(&spoken, hit)?;
                if !is_said && self.is_meant(identity, hit)? {
                    self.push(place, identity, hit, &mut seen, report)?;
                }
            }
            if has_derived && !is_derived(identity) && identity.key.as_str() != KERNEL {
                for hit in hits.iter() {
                    let record = hit.found.entry.record()?;
                    spoken.insert(record.id);
                    spoken.extend(record.aliases()?);
                }
            }
        }
        Ok(())
    }

    /// Every current entry of an identity that says something of its version. A product of a CPE is asked for by its bare words too.
    fn hits(&mut self, identity: &Identity) -> Result<Rc<[Hit<'a>]>, SegmentError> {
        let wanted =
            (identity.key.clone(), identity.version.clone(), identity.commit.clone(), identity.release.clone());
        if let Some(known) = self.known.get(&wanted) {
            return Ok(Rc::clone(known));
        }
        let database = self.database;
        let mut asked = Asked::new(identity.version.as_deref(), identity.commit.as_deref());
        let mut hits = Vec::new();
        let mut take = |found: Found<'a>| {
            let release = found.entry.release()?;
            let is_other = release.zip(identity.release.as_deref()).is_some_and(|(of, is)| of != is);
            if is_other {
                return Ok(());
            }
            if let Some(verdict) = found.entry.judge(&mut asked)?
                && database.is_current(&found)?
            {
                let is_of_unknown_release = release.is_some() && identity.release.is_none();
                hits.push(Hit { found, verdict, is_of_unknown_release });
            }
            Ok(())
        };
        let key = identity.key.as_str();
        database.entries(key, &mut take)?;
        if let Some((_, product)) = key.strip_prefix("cpe/").and_then(|rest| rest.split_once('/')) {
            database.entries(&format!("product/{product}"), &mut take)?;
        }
        overrule(&mut hits)?;
        let hits: Rc<[Hit<'a>]> = hits.into();
        self.known.insert(wanted, Rc::clone(&hits));
        Ok(hits)
    }

    /// Whether what narrows the entry's CPE name holds for the component.
    fn is_meant(&mut self, identity: &Identity, hit: &Hit<'a>) -> Result<bool, SegmentError> {
        let Some(text) = hit.found.entry.narrow()? else { return Ok(true) };
        let narrow = self.narrow.entry(text).or_insert_with(|| Cpe::parse(text).ok());
        let Some(narrow) = narrow else { return Ok(true) };
        if let Some(own) = &identity.cpe {
            let [_, _, _, _, _, own @ ..] = own.values();
            let [_, _, _, _, _, other @ ..] = narrow.values();
            let contradicts = own.iter().zip(other).any(|(own, other)| match (own.plain(), other.plain()) {
                (Some(own), Some(other)) => own != other,
                _ => false,
            });
            if contradicts {
                return Ok(false);
            }
        }
        let [.., target, _, _] = narrow.values();
        let says_target =
            identity.cpe.as_ref().is_some_and(|own| own.values().get(8).is_some_and(|own| own.plain().is_some()));
        Ok(says_target || target.plain().is_none_or(|target| !PLATFORMS.contains(&target.as_str())))
    }

    fn push(
        &mut self,
        place: Place,
        identity: &Identity,
        hit: &Hit<'a>,
        seen: &mut Seen<'a>,
        report: &mut Report<'a>,
    ) -> Result<(), SegmentError> {
        let Hit { found: Found { entry, .. }, verdict, is_of_unknown_release } = hit;
        let record = entry.record()?;
        let mut confidence = identity.confidence;
        let mut reason = format!("{} ({})", identity.reason, identity.key);
        if *is_of_unknown_release {
            confidence = confidence.less(20);
            reason.push_str("; the advisory is for one release, and the component's is not said");
        }
        if !verdict.is_enumerated && identity.version.is_none() {
            confidence = confidence.less(30);
            reason.push_str("; the component's version is not said");
        }
        let context = entry.context()?;
        if !context.running_on.is_empty() {
            reason.push_str("; holds only with ");
            reason.push_str(&context.running_on.iter().take(3).copied().collect::<Vec<_>>().join(" or "));
        }
        let aliases = record.aliases()?;
        let group = group(record.id, &aliases);
        let told = (record.id, record.document, source_word(record.source));
        let known = seen.get(&told).copied();
        if let Some(known) = known.and_then(|at| report.findings.get_mut(at))
            && known.confidence >= confidence
        {
            known.fixed = known.fixed.or(verdict.fixed);
            return Ok(());
        }
        let files: Vec<&'a str> =
            context.parts.iter().filter(|(kind, _)| *kind == "file").map(|(_, name)| *name).collect();
        if !files.is_empty() {
            self.files.insert((place, record.id), files);
        }
        let finding = Finding {
            place,
            identity: identity.key.to_string(),
            method: identity.method,
            version: identity.version.clone().or_else(|| identity.commit.clone()),
            advisory: record.id,
            group,
            document: record.document,
            title: record.title,
            range: verdict.range.to_string(),
            fixed: verdict.fixed,
            source: record.source,
            by: entry.by()?,
            confidence,
            reason,
            running_on: context.running_on,
            scores: record.scores()?,
            exploited: self.database.exploited(group)?,
            epss: self.database.epss(group)?,
            status: verdict.status,
            decision: None,
            aliases,
        };
        match known.and_then(|at| report.findings.get_mut(at)) {
            Some(known) => *known = finding,
            None => {
                seen.insert(told, report.findings.len());
                report.findings.push(finding);
            }
        }
        Ok(())
    }

    /// Takes a finding away whose files are known and were not compiled.
    pub(super) fn by_configuration(&self, finding: &mut Finding<'a>, build: &Build<'_>) {
        if build.compiled.is_empty() || finding.identity != KERNEL || !finding.is_open() {
            return;
        }
        let Some(files) = self.files.get(&(finding.place, finding.advisory)) else { return };
        // A header may be in every build; only sources tell.
        let sources: Vec<&str> =
            files.iter().copied().filter(|file| file.ends_with(".c") || file.ends_with(".S")).collect();
        let is_built = |file: &&str| build.compiled.iter().any(|built| built == file);
        if !sources.is_empty() && sources.len() == files.len() && !sources.iter().any(is_built) {
            finding.status = Status::NotAffected;
            finding.decision = Some(Decision {
                status: Status::NotAffected,
                author: "configuration of the build".to_owned(),
                justification: Some(crate::vex::Justification::CodeNotPresent),
                why: format!("none of the files that hold the flaw is compiled: {}", super::brief(&sources.join(", "))),
            });
        }
    }
}

/// Takes away what a record says of "the rest" of the versions where another part of the same record speaks of this version by a range or by
/// name: CISA copies each range of a kernel record into a part of its own, and each calls the rest affected.
fn overrule(hits: &mut Vec<Hit<'_>>) -> Result<(), SegmentError> {
    let is_rest = |hit: &Hit<'_>| hit.verdict.range == Range::Rest;
    let is_open = |hit: &Hit<'_>| matches!(hit.verdict.status, Status::Affected | Status::UnderInvestigation);
    if !hits.iter().any(|hit| is_rest(hit) && is_open(hit)) {
        return Ok(());
    }
    let mut cleared = HashSet::new();
    for hit in hits.iter().filter(|hit| !is_rest(hit) && !is_open(hit)) {
        if hit.found.entry.narrow()?.is_none() {
            let record = hit.found.entry.record()?;
            cleared.insert((record.id, record.document, record.source));
        }
    }
    let mut failed = Ok(());
    hits.retain(|hit| {
        let goes = is_rest(hit) && is_open(hit);
        match hit.found.entry.record() {
            Ok(record) => !(goes && cleared.contains(&(record.id, record.document, record.source))),
            Err(error) => {
                failed = Err(error);
                true
            }
        }
    });
    failed
}

/// Whether a key was found by what somebody else says of the component.
fn is_derived(identity: &Identity) -> bool {
    matches!(identity.method, Method::Mapping | Method::Name | Method::Product)
}

fn is_spoken(spoken: &HashSet<&str>, hit: &Hit<'_>) -> Result<bool, SegmentError> {
    if spoken.is_empty() {
        return Ok(false);
    }
    let record = hit.found.entry.record()?;
    Ok(spoken.contains(record.id) || record.aliases()?.iter().any(|id| spoken.contains(id)))
}
