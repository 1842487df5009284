//! Rules that judge each event alone: one hit per rule, vehicle and hour.
//!
//! Not correlations. Cost: a look-up per row that matches; a vehicle that comes again in the next row costs none.

use crate::hit::{self, ALERT_PERIOD, Addition, Hit, Hits};
use crate::mask::Mask;
use crate::pool::Asserted;
use crate::rule::RuleKind;
use crate::ruleset::RuleSet;
use crate::view::{VEHICLE, View, long, text_at};
use std::collections::HashMap;
use std::ops::Range;

/// Hits of plain rules: one alert per rule, vehicle and hour.
#[derive(Default)]
pub(crate) struct Singles<'v> {
    hits: Hits<(usize, u32, i64)>,
    vehicles: HashMap<(&'v str, &'v str), u32, foldhash::fast::RandomState>,
    last: Option<((&'v str, &'v str), u32)>,
}

impl<'v> Singles<'v> {
    /// The rows of a chunk that a rule matches.
    pub(crate) fn add(
        &mut self,
        set: &RuleSet,
        rule: usize,
        asserted: &Asserted,
        (mask, chunk): (&Mask, &Range<usize>),
        view: &'v View,
    ) {
        let Some(known) = set.rules.get(rule).filter(|known| known.alerts && known.kind == RuleKind::Match) else {
            return;
        };
        for row in mask.rows().map(|row| chunk.start.saturating_add(row)) {
            let who = (text_at(&view.tenant, row), text_at(&view.vehicle, row));
            let vehicle = self.vehicle(who);
            let time = long(&view.time, row);
            let hour = time.saturating_sub(time.checked_rem_euclid(ALERT_PERIOD).unwrap_or(0));
            let addition = Addition { time, place: view.place(row), observed: None, moving: view.moving(row) };
            self.hits.add((rule, vehicle, hour), rule, &addition, || {
                let group = vec![(VEHICLE.to_owned(), who.1.to_owned())];
                let mut hit = hit::empty(known, who.0, group, hour, time);
                hit.matched = hit::matched(&view.columns, &set.pool, asserted, row);
                hit
            });
        }
    }

    /// All hits, each with its rule.
    pub(crate) fn finish(self) -> impl Iterator<Item = (usize, Hit)> {
        self.hits.finish()
    }

    fn vehicle(&mut self, who: (&'v str, &'v str)) -> u32 {
        if let Some((last, id)) = self.last
            && last == who
        {
            return id;
        }
        let next = u32::try_from(self.vehicles.len()).unwrap_or(u32::MAX);
        let id = *self.vehicles.entry(who).or_insert(next);
        self.last = Some((who, id));
        id
    }
}
