//! What a round needs to know of the alerts that changed.
//!
//! Not the grouping. Cost: three statements, whatever the number of alerts.

use super::super::StateError;
use super::super::database::Tx;
use super::super::rows::Many;
use sqlx::FromRow;
use std::collections::{BTreeMap, BTreeSet};
use yagura_columns::Catalogue;
use yagura_detect::incident::{AlertFacts, IncidentAge, IncidentId, Kind, Link, links};
use yagura_model::UnixMicros;

/// A vehicle that an incident names.
pub(super) const VEHICLE: i64 = 0;
/// A model of such a vehicle.
pub(super) const MODEL: i64 = 1;
/// Anything else that alerts group by.
pub(super) const ENTITY: i64 = 2;
/// The longest name that is kept, in characters: an index has room for it.
const NAME_CHARS_MAX: usize = 200;

/// An alert as it stands.
#[derive(Clone, Debug, FromRow)]
pub(super) struct Alert {
    pub(super) alert_id: Vec<u8>,
    pub(super) rule_id: String,
    pub(super) title_en: String,
    pub(super) title_ja: String,
    pub(super) severity: i64,
    pub(super) vehicle: Option<String>,
    pub(super) technique: Option<String>,
    pub(super) domain: String,
    pub(super) motion: i64,
    group_json: String,
    match_json: String,
    pub(super) first_us: i64,
    pub(super) last_us: i64,
    pub(super) vehicles_counted: i64,
    model: Option<String>,
    #[sqlx(skip)]
    pub(super) named: Vec<String>,
    #[sqlx(skip)]
    pub(super) event: i64,
}

impl Alert {
    pub(super) fn id(&self) -> [u8; 32] {
        self.alert_id.as_slice().try_into().unwrap_or_default()
    }

    fn group(&self) -> Vec<(String, String)> {
        serde_json::from_str(&self.group_json).unwrap_or_default()
    }

    /// What it shares with others.
    pub(super) fn links(&self, kind: Kind) -> Vec<Link> {
        let group = self.group();
        links(
            kind,
            &AlertFacts {
                rule: &self.rule_id,
                vehicle: self.vehicle.as_deref(),
                group: &group,
                first: UnixMicros(self.first_us),
                last: UnixMicros(self.last_us),
            },
        )
    }

    /// What it names: part, field, name.
    pub(super) fn parts(&self) -> BTreeSet<(i64, String, String)> {
        let cut = |text: &str| text.chars().take(NAME_CHARS_MAX).collect::<String>();
        let vehicles = self.vehicle.iter().chain(&self.named);
        let vehicles = vehicles.map(|vehicle| (VEHICLE, "vehicle".to_owned(), cut(vehicle)));
        let models = self.model.iter().map(|model| (MODEL, "model".to_owned(), cut(model)));
        let others = self.group().into_iter().filter(|(field, value)| field != "vehicle" && !value.is_empty());
        let others = others.map(|(field, value)| (ENTITY, cut(&field), cut(&value)));
        vehicles.chain(models).chain(others).filter(|(_, _, name)| !name.is_empty()).collect()
    }

    /// How bad the event is that the rule asked for, by the catalogue.
    fn event_severity(&self, catalogue: &Catalogue) -> i64 {
        let matched: Vec<(String, String)> = serde_json::from_str(&self.match_json).unwrap_or_default();
        let name = matched.iter().find(|(field, _)| field == "event_name");
        let known = name.and_then(|(_, name)| catalogue.by_symbol(name));
        known.map_or(0, |entry| i64::from(yagura_columns::severity_id(entry.severity)))
    }
}

/// The alerts of these ids, by id; not those of rules in the shadow.
pub(super) async fn alerts(
    tx: &mut Tx,
    tenant: &str,
    ids: &BTreeSet<Vec<u8>>,
    catalogue: &Catalogue,
) -> Result<Vec<Alert>, StateError> {
    const ALERTS: Many = Many {
        before: "SELECT a.alert_id, a.rule_id, a.title_en, a.title_ja, a.severity, a.vehicle, a.technique, a.domain, a.motion,
                        a.group_json, a.match_json, a.first_us, a.last_us, a.vehicles_counted,
                        (SELECT MIN(d.model) FROM devices d WHERE d.tenant = a.tenant AND d.vehicle = a.vehicle) AS model
                 FROM (",
        after: ") AS k CROSS JOIN alerts a WHERE a.tenant = k.column1 AND a.alert_id = k.column2 AND a.shadow = 0",
    };
    const NAMED: Many = Many {
        before: "SELECT DISTINCT e.alert_id, e.vehicle FROM (",
        after: ") AS k CROSS JOIN alert_events e WHERE e.tenant = k.column1 AND e.alert_id = k.column2",
    };
    let keys = ids.iter().map(|id| [tenant.into(), id.as_slice().into()]).collect();
    let mut all: Vec<Alert> = ALERTS.all(&mut *tx, keys).await?;
    all.sort_by(|a, b| a.alert_id.cmp(&b.alert_id));
    let several = all.iter().filter(|it| it.vehicle.is_none());
    let keys = several.map(|it| [tenant.into(), it.alert_id.as_slice().into()]).collect();
    let named: Vec<(Vec<u8>, String)> = NAMED.all(tx, keys).await?;
    let mut vehicles: BTreeMap<Vec<u8>, Vec<String>> = BTreeMap::new();
    for (alert, vehicle) in named {
        vehicles.entry(alert).or_default().push(vehicle);
    }
    for alert in &mut all {
        alert.named = vehicles.remove(&alert.alert_id).unwrap_or_default();
        alert.event = alert.event_severity(catalogue);
    }
    Ok(all)
}

/// The incident that each of these alerts is in already.
pub(super) async fn members(
    tx: &mut Tx,
    tenant: &str,
    alerts: &[Alert],
    kind: Kind,
) -> Result<BTreeMap<[u8; 32], IncidentAge>, StateError> {
    const MEMBERS: Many = Many {
        before: "SELECT m.alert_id, i.incident_id, i.opened_us FROM (",
        after: ") AS k CROSS JOIN incident_alerts m CROSS JOIN incidents i
                WHERE m.tenant = k.column1 AND m.alert_id = k.column2 AND i.tenant = m.tenant
                      AND i.incident_id = m.incident_id AND i.kind = k.column3",
    };
    let keys = alerts.iter().map(|it| [tenant.into(), it.alert_id.as_slice().into(), code(kind).into()]).collect();
    let rows: Vec<(Vec<u8>, Vec<u8>, i64)> = MEMBERS.all(tx, keys).await?;
    let member = |(alert, id, opened): (Vec<u8>, Vec<u8>, i64)| {
        Some((alert.try_into().ok()?, IncidentAge { opened: UnixMicros(opened), id: IncidentId(id.try_into().ok()?) }))
    };
    Ok(rows.into_iter().filter_map(member).collect())
}

/// A kind as it is kept.
pub(super) const fn code(kind: Kind) -> i64 {
    match kind {
        Kind::Story => 0,
        Kind::Wave => 1,
    }
}

/// The inverse of [`code`].
pub(super) const fn kind(code: i64) -> Kind {
    if code == 1 { Kind::Wave } else { Kind::Story }
}
