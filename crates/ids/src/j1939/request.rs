//! Requests (PGN 59904): who asks for more than a network needs.
//!
//! Not a list of what may be asked for. Two measures: the rate of a source, against twice what training showed and at least
//! [`RATE_MIN`]; and the same request again before its answer is due, more often than retries explain. State: 40 bytes a
//! source, [`REQUESTERS_MAX`] of them.

use crate::pace::Pace;

/// Sources whose requests are followed at a time.
pub const REQUESTERS_MAX: usize = 8;
/// Requests a second that any source may send: a service tool asks for all it wants to know at once.
pub(super) const RATE_MIN: u32 = 50;
/// An answer is due after 200 ms (Tr of SAE J1939-21): who asks again within half of that does not wait for it, µs.
const REPEAT_SPAN: u64 = 100_000;
/// The same request that often without waiting is no mishap.
const REPEATS_MAX: u8 = 3;

/// Requests whose answers are awaited at a time.
const ASKED_MAX: usize = 8;
/// Answers are due within 200 ms (Tr), 1.25 s in the worst case, µs.
const ANSWER_SPAN: u64 = 1_250_000;
/// The destination of broadcasts.
const GLOBAL: u8 = 0xFF;

#[derive(Clone, Copy, Debug, Default)]
struct Requester {
    /// Network and source.
    key: Option<(u8, u8)>,
    at: u64,
    due: u64,
    /// Destination and PGN.
    last: [u8; 4],
    repeats: u8,
    /// Requests since `second`.
    count: u32,
    second: u64,
}

impl Requester {
    /// As the default: all bytes zero.
    pub(crate) const REST: Self = Self { key: None, at: 0, due: 0, last: [0; 4], repeats: 0, count: 0, second: 0 };
}

/// A request that may be answered.
#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    /// Network, who is asked, and for which parameter group.
    what: Option<(u8, u8, u32)>,
    at: u64,
}

impl Asked {
    /// As the default: all bytes zero.
    pub(crate) const REST: Self = Self { what: None, at: 0 };
}

/// Those who ask.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Requests {
    requesters: [Requester; REQUESTERS_MAX],
    asked: [Asked; ASKED_MAX],
}

impl Requests {
    /// As the default: all bytes zero.
    pub(crate) const REST: Self =
        Self { requesters: [Requester::REST; REQUESTERS_MAX], asked: [Asked::REST; ASKED_MAX] };
}

impl Requests {
    /// Takes up a request; `rate` is the most that this source may send in a second. For a surplus one: how many this
    /// source sent lately.
    pub(super) fn take(&mut self, key: (u8, u8), what: [u8; 4], rate: u32, now: u64) -> Option<u32> {
        let [target, a, b, c] = what;
        let asked = Some((key.0, target, u32::from_le_bytes([a, b, c, 0])));
        let place =
            self.asked.iter_mut().min_by_key(|one| if one.what == asked { 0 } else { one.at.saturating_add(1) });
        place.into_iter().for_each(|place| *place = Asked { what: asked, at: now });
        let known = self.requesters.iter().position(|one| one.key == Some(key));
        let oldest = || self.requesters.iter().enumerate().min_by_key(|(_, one)| (one.key.is_some(), one.at));
        let index = known.or_else(|| oldest().map(|(index, _)| index))?;
        let requester = self.requesters.get_mut(index)?;
        if requester.key != Some(key) {
            *requester = Requester { key: Some(key), ..Requester::default() };
        }
        let again = requester.last == what && now.saturating_sub(requester.at) <= REPEAT_SPAN && requester.at != 0;
        requester.repeats = if again { requester.repeats.saturating_add(1) } else { 0 };
        requester.last = what;
        requester.at = now;
        let interval = 1_000_000_u32.checked_div(rate).unwrap_or(0);
        let surplus = !Pace { interval, tolerance: 1_000_000 }.judge(&mut requester.due, now).admitted;
        if now.saturating_sub(requester.second) > 1_000_000 {
            requester.second = now;
            requester.count = 0;
        }
        requester.count = requester.count.saturating_add(1);
        (surplus || requester.repeats > REPEATS_MAX).then_some(requester.count)
    }

    /// Whether `source` was asked for `group` lately.
    pub(super) fn expect(&self, slot: u8, source: u8, group: u32, now: u64) -> bool {
        self.asked.iter().any(|one| {
            let asked = one.what.is_some_and(|(on, target, what)| {
                on == slot && what == group && (target == source || target == GLOBAL)
            });
            asked && now.saturating_sub(one.at) <= ANSWER_SPAN
        })
    }
}
