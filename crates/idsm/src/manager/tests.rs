//! The filter chain, filter by filter, and its balance under any load.

extern crate std;

use super::*;
use crate::config::{Aggregation, BlockStates, ChosenContext, FilterChain, Threshold};
use crate::tally::Dropped;
use core::num::{NonZeroU16, NonZeroU32};
use proptest::prelude::*;
use std::{vec, vec::Vec};
use yagura_model::{BusId, CanId, EventId, Payload};

const EARLY: EventId = EventId::CAN_EARLY_FRAME;

fn event(id: EventId, millis: u64, count: u16) -> SecurityEvent {
    let observed = u32::try_from(millis).expect("small");
    let context = CanContext {
        bus: BusId(0),
        id: CanId::from_key(0x123).expect("11 bits"),
        kind: 0,
        expected: 0,
        observed,
        payload: Payload::new(&[1, 2, 3]).expect("short"),
        place: yagura_model::Place::default(),
    };
    SecurityEvent { id, time: Micros::from_millis(millis), count, context }
}

/// A manager with one chain and no limits, to be told to report at given milliseconds.
struct Bench {
    idsm: IdsM<{ Config::DEFAULT_CHAINS }>,
    out: Vec<Qualified>,
}

impl Bench {
    fn new(chain: FilterChain) -> Self {
        Self::with(&Config { chains: &[chain], rate: None, traffic: None, ..Config::default_chains() })
    }

    fn with(config: &Config<'_>) -> Self {
        Self { idsm: IdsM::new(config).expect("a sound configuration"), out: Vec::new() }
    }

    fn report(&mut self, millis: u64, count: u16) -> &mut Self {
        let out = &mut self.out;
        self.idsm.report(Micros::from_millis(millis), &event(EARLY, millis, count), &mut |q| out.push(q));
        self
    }

    fn run(&mut self, millis: u64) -> &mut Self {
        let out = &mut self.out;
        self.idsm.main_function(Micros::from_millis(millis), &mut |q| out.push(q));
        self
    }

    /// What came out: (millisecond of the event, count).
    fn out(&self) -> Vec<(u64, u16)> {
        assert!(self.idsm.tally().is_balanced(), "{:?}", self.idsm.tally());
        self.out.iter().map(|q| (q.event.time.0 / 1_000, q.event.count)).collect()
    }

    fn dropped(&self) -> Dropped {
        self.idsm.tally().dropped
    }
}

fn chain() -> FilterChain {
    FilterChain::pass(EARLY)
}

#[test]
fn a_mode_decides_whether_and_in_what_detail_an_event_goes() {
    let detail = |mode| {
        let mut bench = Bench::new(FilterChain { mode, ..chain() });
        bench.report(1, 3);
        (bench.out.first().map(|q| q.detail), bench.dropped().off)
    };
    assert_eq!(detail(ReportingMode::Off), (None, 3));
    assert_eq!(detail(ReportingMode::Brief), (Some(Detail::Brief), 0));
    assert_eq!(detail(ReportingMode::Detailed), (Some(Detail::Detailed), 0));
    assert_eq!(detail(ReportingMode::BriefBypassingFilters), (Some(Detail::Brief), 0));
    assert_eq!(detail(ReportingMode::DetailedBypassingFilters), (Some(Detail::Detailed), 0));
}

#[test]
fn a_bypassing_mode_passes_by_every_filter_and_limit() {
    let one_every = NonZeroU16::new(100);
    let chain = FilterChain { mode: ReportingMode::BriefBypassingFilters, one_every, ..chain() };
    let rate = NonZeroU32::new(1).map(|events_max| RateLimit { interval_micros: 1_000_000, events_max });
    let mut bench = Bench::with(&Config { chains: &[chain], rate, ..Config::default_chains() });
    bench.report(1, 1).report(2, 1).report(3, 1);
    assert_eq!(bench.out(), [(1, 1), (2, 1), (3, 1)]);
}

#[test]
fn a_blocked_state_keeps_a_chain_quiet_until_it_is_left() {
    let workshop = BlockState::new(3).expect("below 32");
    let mut bench = Bench::new(FilterChain { blocked_in: BlockStates::NONE.with(workshop), ..chain() });
    bench.idsm.set_state(Some(workshop));
    bench.report(1, 2);
    bench.idsm.set_state(BlockState::new(4));
    bench.report(2, 1);
    bench.idsm.set_state(None);
    bench.report(3, 1);
    assert_eq!((bench.out(), bench.dropped().blocked), (vec![(2, 1), (3, 1)], 2));
}

#[test]
fn one_every_n_passes_the_nth_only() {
    let mut bench = Bench::new(FilterChain { one_every: NonZeroU16::new(3), ..chain() });
    for millis in 1..=7 {
        bench.report(millis, 1);
    }
    assert_eq!((bench.out(), bench.dropped().sampled), (vec![(3, 1), (6, 1)], 5));
}

#[test]
fn an_aggregation_begins_with_its_first_event_and_adds_up_the_counts() {
    let aggregation = Some(Aggregation { interval_micros: 100_000, context: ChosenContext::First });
    let mut bench = Bench::new(FilterChain { aggregation, ..chain() });
    bench.report(10, 1).report(50, 2).report(109, 4);
    assert_eq!((bench.out(), bench.idsm.tally().pending), (vec![], 7));
    assert_eq!(bench.idsm.poll_timeout(), Micros::from_millis(110));
    bench.run(110);
    assert_eq!(bench.out(), [(10, 7)]);
    assert_eq!(bench.idsm.poll_timeout(), Micros::MAX);
    bench.report(300, 1).report(450, 1);
    assert_eq!(bench.out(), [(10, 7), (300, 1)], "a report lets out what is over before it");
}

#[test]
fn an_aggregation_can_carry_the_last_context() {
    let aggregation = Some(Aggregation { interval_micros: 100_000, context: ChosenContext::Last });
    let mut bench = Bench::new(FilterChain { aggregation, ..chain() });
    bench.report(10, 1).report(50, 2).run(200);
    assert_eq!(bench.out(), [(50, 3)]);
}

#[test]
fn a_count_that_would_overflow_leaves_early_instead_of_being_cut() {
    let mut bench = Bench::new(FilterChain::aggregate(EARLY, 100_000));
    bench.report(10, u16::MAX).report(20, 1).run(500);
    assert_eq!(bench.out(), [(10, u16::MAX), (20, 1)]);
}

#[test]
fn a_threshold_drops_the_first_happenings_of_each_interval() {
    let threshold = NonZeroU16::new(3).map(|count| Threshold { interval_micros: 100_000, count });
    let mut bench = Bench::new(FilterChain { threshold, ..chain() });
    bench.report(10, 1).report(20, 1).report(30, 1).report(40, 1).report(110, 1).report(120, 5);
    assert_eq!((bench.out(), bench.dropped().below_threshold), (vec![(30, 1), (40, 1), (120, 5)], 3));
}

#[test]
fn the_threshold_judges_what_the_aggregation_lets_out() {
    let threshold = NonZeroU16::new(5).map(|count| Threshold { interval_micros: 50_000, count });
    let mut bench = Bench::new(FilterChain { threshold, ..FilterChain::aggregate(EARLY, 100_000) });
    bench.report(10, 2).report(20, 2).run(110);
    assert_eq!((bench.out(), bench.dropped().below_threshold), (vec![], 4));
    bench.report(200, 2).report(210, 3).run(300);
    assert_eq!(bench.out(), [(200, 5)]);
}

#[test]
fn the_rate_limit_counts_events_and_the_traffic_limit_bytes() {
    let second = 1_000_000;
    let rate = NonZeroU32::new(2).map(|events_max| RateLimit { interval_micros: second, events_max });
    let mut bench = Bench::with(&Config { chains: &[chain()], rate, traffic: None, ..Config::default_chains() });
    bench.report(0, 5).report(1, 5).report(2, 5).report(1_000, 5);
    assert_eq!((bench.out(), bench.dropped().rate), (vec![(0, 5), (1, 5), (1_000, 5)], 5));
    assert_eq!((bench.idsm.take_losses(), bench.idsm.take_losses()), (5, 0));

    // Header 8, timestamp 8, context version 2, length 1, layout 15, payload 3.
    let bytes_max = NonZeroU32::new(2 * 37);
    let traffic = bytes_max.map(|bytes_max| TrafficLimit { interval_micros: second, bytes_max });
    let mut bench = Bench::with(&Config { chains: &[chain()], rate: None, traffic, ..Config::default_chains() });
    bench.report(0, 1).report(1, 1).report(2, 1);
    assert_eq!((bench.out(), bench.dropped().traffic), (vec![(0, 1), (1, 1)], 1));
}

#[test]
fn an_event_without_a_chain_is_counted_as_lost() {
    let mut bench = Bench::new(FilterChain::pass(EventId::CAN_BUS_FLOOD));
    bench.report(1, 9);
    assert_eq!((bench.out(), bench.dropped().unconfigured, bench.idsm.take_losses()), (vec![], 9, 9));
}

#[test]
fn a_configuration_that_cannot_be_meant_is_refused() {
    let refused = |chains: &[FilterChain]| IdsM::<2>::new(&Config { chains, ..Config::default_chains() }).err();
    assert_eq!(refused(&[chain(); 3]), Some(ConfigError::TooManyChains { given: 3, max: 2 }));
    assert_eq!(refused(&[chain(), chain()]), Some(ConfigError::DuplicateEvent(EARLY)));
    assert_eq!(refused(&[FilterChain::aggregate(EARLY, 0)]), Some(ConfigError::ChainInterval(EARLY)));
    let rate = NonZeroU32::new(1).map(|events_max| RateLimit { interval_micros: 0, events_max });
    let config = Config { rate, ..Config::default_chains() };
    assert_eq!(IdsM::<{ Config::DEFAULT_CHAINS }>::new(&config).err(), Some(ConfigError::LimitInterval));
}

#[test]
fn the_default_chains_pass_what_the_detectors_say_once() {
    let mut bench = Bench::with(&Config::default_chains());
    bench.report(1, 1).report(2, 1);
    assert_eq!(bench.out(), [(1, 1), (2, 1)]);
}

#[test]
fn a_qualified_event_becomes_a_version_2_message_with_its_context() {
    let mut bench = Bench::new(chain());
    bench.report(1, 7);
    let mut room = [0; CanContext::LEN_MAX];
    let message = bench.out[0].message(Some(Timestamp(5)), &mut room);
    let mut bytes = [0; 64];
    let len = message.encode(&mut bytes).expect("fits");
    assert_eq!(len, bench.out[0].message_len());
    let (decoded, _) = Message::decode(&bytes[..len]).expect("readable");
    assert_eq!((decoded.event, decoded.count, decoded.timestamp), (EARLY, 7, Some(Timestamp(5))));
    let context = decoded.context.expect("detailed");
    assert_eq!(context.version.number(), 1);
    assert_eq!(CanContext::decode(context.data), Ok(bench.out[0].event.context));
}

fn any_chain() -> impl Strategy<Value = FilterChain> {
    let mode = prop::sample::select(vec![
        ReportingMode::Off,
        ReportingMode::Brief,
        ReportingMode::Detailed,
        ReportingMode::DetailedBypassingFilters,
    ]);
    let aggregation = proptest::option::of((1..400_u64, any::<bool>())).prop_map(|aggregation| {
        aggregation.map(|(millis, first)| Aggregation {
            interval_micros: millis * 1_000,
            context: if first { ChosenContext::First } else { ChosenContext::Last },
        })
    });
    let threshold = proptest::option::of((1..400_u64, 1..20_u16)).prop_map(|threshold| {
        let (millis, count) = threshold?;
        Some(Threshold { interval_micros: millis * 1_000, count: NonZeroU16::new(count)? })
    });
    (mode, 0..6_u16, aggregation, threshold, 0..4_u32).prop_map(|(mode, n, aggregation, threshold, states)| {
        FilterChain {
            event: EARLY,
            mode,
            blocked_in: (0..2)
                .filter(|bit| states >> bit & 1 == 1)
                .filter_map(|bit| BlockState::new(bit as u8))
                .fold(BlockStates::NONE, BlockStates::with),
            one_every: NonZeroU16::new(n),
            aggregation,
            threshold,
        }
    })
}

proptest! {
    #[test]
    fn every_happening_is_qualified_dropped_with_a_reason_or_pending(
        chain in any_chain(), events_max in 0..10_u32, bytes_max in 0..400_u32,
        steps in proptest::collection::vec((0..300_u64, 0..3_u8, prop_oneof![0..5_u16, Just(u16::MAX)], 0..3_u8), 0..200),
    ) {
        let rate = NonZeroU32::new(events_max).map(|events_max| RateLimit { interval_micros: 500_000, events_max });
        let traffic = NonZeroU32::new(bytes_max).map(|bytes_max| TrafficLimit { interval_micros: 500_000, bytes_max });
        let flood = FilterChain::aggregate(EventId::CAN_BUS_FLOOD, 50_000);
        let mut idsm = IdsM::<2>::new(&Config { chains: &[chain, flood], rate, traffic, ..Config::default_chains() }).expect("sound");
        let ids = [EARLY, EventId::CAN_BUS_FLOOD, EventId(0x9ABC)];
        let (mut millis, mut reported, mut qualified) = (0, 0, 0);
        for (gap, id, count, state) in steps {
            millis += gap;
            idsm.set_state(BlockState::new(state).filter(|_| state < 2));
            idsm.report(Micros::from_millis(millis), &event(ids[usize::from(id)], millis, count), &mut |q| qualified += u64::from(q.event.count));
            reported += u64::from(count.max(1));
            prop_assert!(idsm.tally().is_balanced());
        }
        let end = Micros::from_millis(millis + 1_000);
        idsm.main_function(end, &mut |q| qualified += u64::from(q.event.count));
        let tally = *idsm.tally();
        prop_assert_eq!((tally.reported, tally.qualified, tally.pending), (reported, qualified, 0));
        prop_assert_eq!(idsm.poll_timeout(), Micros::MAX);
    }

    #[test]
    fn limits_hold_in_every_interval(gaps in proptest::collection::vec(0..200_u64, 1..300)) {
        let limit = NonZeroU32::new(3).map(|events_max| RateLimit { interval_micros: 1_000_000, events_max });
        let mut bench = Bench::with(&Config { chains: &[chain()], rate: limit, traffic: None, ..Config::default_chains() });
        let mut millis = 0;
        for gap in gaps {
            millis += gap;
            bench.report(millis, 1);
        }
        let times: Vec<u64> = bench.out().iter().map(|(millis, _)| *millis).collect();
        let spaced = times.windows(7).all(|seven| seven[6] - seven[0] >= 1_000);
        prop_assert!(spaced, "any second touches two intervals and carries at most six events: {:?}", times);
    }

    #[test]
    fn aggregated_events_of_one_kind_are_an_interval_apart(gaps in proptest::collection::vec(0..90_u64, 1..300)) {
        let mut bench = Bench::new(FilterChain::aggregate(EARLY, 100_000));
        let mut millis = 0;
        for gap in gaps {
            millis += gap;
            bench.report(millis, 1);
        }
        bench.run(millis + 100);
        let out = bench.out();
        prop_assert!(out.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 100), "{:?}", out);
    }
}

#[test]
fn a_manager_is_as_small_as_its_documentation_says() {
    let (none, five) = (size_of::<IdsM<0>>(), size_of::<IdsM<5>>());
    assert_eq!((none, (five - none) / 5), (184, 200));
}
