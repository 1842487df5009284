//! Learns who talks diagnostics: which identifiers ask, which answer, which services belong to the vehicle's daily life.
//!
//! Not a judge (`ids` is). An identifier counts only if every one of its frames was well-formed ISO-TP; a pair only if most
//! answers of one fit the requests of the other. What the detector would have told of training traffic is muted, conversation
//! by conversation: sloppy tools stay silent and are reported as not judged. Cost: 100 bytes a candidate's frame, at most
//! [`KEPT_MAX`] of them.

use std::collections::BTreeMap;
use yagura_ids::{BusClock, DiagRow, Diagnostics, IdRow, IsoTp, Line, Moment, Role, Services};
use yagura_model::{CanId, Frame, FrameKind};

/// Frames that may belong to diagnostics and are kept; later ones teach nothing.
const KEPT_MAX: usize = 200_000;
/// Answers to as many requests make a conversation: two may be chance.
const ANSWERS_MIN: u32 = 3;
/// How long a control unit may take to answer (P2 of ISO 14229-2 is 50 ms, gateways add to it), µs.
const ANSWER_SPAN: u64 = 1_000_000;
/// With so many control units that answer, a request goes to all.
const FUNCTIONAL_MIN: usize = 3;

/// Bus and key of an identifier.
type Subject = (u8, u32);

/// Frames that may belong to diagnostics.
#[derive(Default)]
pub(crate) struct DiagTraffic {
    clock: BusClock,
    /// Whether all frames so far were well-formed.
    shaped: BTreeMap<Subject, bool>,
    kept: Vec<(u64, Frame)>,
}

/// What a whole message begins with.
enum Message {
    Request(u8),
    /// The service that it answers.
    Answer(u8),
}

impl Message {
    fn of(frame: &Frame) -> Option<Self> {
        let message = match IsoTp::read(frame.payload.as_slice())? {
            IsoTp::Single(message) | IsoTp::First { data: message, .. } => message,
            IsoTp::Consecutive { .. } | IsoTp::Flow { .. } => return None,
        };
        match *message {
            [0x7F, service, ..] => Some(Self::Answer(service)),
            [first, ..] if first & 0x40 != 0 => Some(Self::Answer(first & !0x40)),
            [first, ..] if first != 0 => Some(Self::Request(first)),
            _ => None,
        }
    }
}

fn is_well_formed(frame: &Frame) -> bool {
    match IsoTp::read(frame.payload.as_slice()) {
        None => false,
        Some(IsoTp::Single(message) | IsoTp::First { data: message, .. }) => message.first() != Some(&0),
        Some(IsoTp::Consecutive { .. } | IsoTp::Flow { .. }) => true,
    }
}

impl DiagTraffic {
    /// Takes up a frame of the training traffic.
    pub(crate) fn take(&mut self, frame: &Frame) {
        if matches!(frame.kind, FrameKind::Error | FrameKind::Remote { .. }) {
            return;
        }
        self.clock.advance(frame.time, 0);
        let shaped = self.shaped.entry((frame.bus.0, frame.id.key())).or_insert(true);
        *shaped = *shaped && is_well_formed(frame);
        if !*shaped {
            return;
        }
        if self.kept.len() == KEPT_MAX {
            self.drop_others();
        }
        if self.kept.len() < KEPT_MAX {
            self.kept.push((self.clock.steady(), *frame));
        }
    }

    fn drop_others(&mut self) {
        let shaped = &self.shaped;
        self.kept.retain(|(_, frame)| shaped.get(&(frame.bus.0, frame.id.key())) == Some(&true));
    }

    /// The rows of the identifiers that belong to diagnostics.
    pub(crate) fn rows(mut self, ids: &[IdRow]) -> Vec<DiagRow> {
        self.drop_others();
        let exchanges = Exchanges::of(&self.kept);
        let mut lines = exchanges.lines();
        self.mute(&mut lines);
        let index = |subject: Subject| {
            ids.binary_search_by_key(&subject, |row| (row.bus.0, row.id.key()))
                .ok()
                .and_then(|at| u16::try_from(at).ok())
        };
        let row = |(&subject, line): (&Subject, &Line)| {
            let owner = index(subject)?;
            let peer = index((subject.0, line.request)).unwrap_or(owner);
            let services = line.services.unwrap_or_default();
            Some(DiagRow { owner, peer, role: line.role, muted: line.muted, services })
        };
        lines.iter().filter_map(row).collect()
    }

    /// Keeps silent what the detector would have told.
    fn mute(&self, lines: &mut BTreeMap<Subject, Line>) {
        let mut diagnostics = Diagnostics::default();
        let mut muted: BTreeMap<Subject, u8> = BTreeMap::new();
        for (now, frame) in &self.kept {
            let Some(line) = lines.get(&(frame.bus.0, frame.id.key())) else { continue };
            let heard = diagnostics.take(frame, line, Moment { now: *now, ..Moment::default() });
            let bits = heard.notes.iter().flatten().fold(0, |bits, note| bits | note.mute());
            *muted.entry((frame.bus.0, line.request)).or_default() |= bits;
        }
        for ((bus, _), line) in lines {
            line.muted = muted.get(&(*bus, line.request)).copied().unwrap_or(0);
        }
    }
}

/// What was asked and answered.
#[derive(Default)]
struct Exchanges {
    /// Messages of an identifier: requests, answers, services asked for.
    spoken: BTreeMap<Subject, (u32, u32, Services)>,
    /// Answers of the first that fit requests of the second.
    fits: BTreeMap<(Subject, Subject), u32>,
}

impl Exchanges {
    fn of(kept: &[(u64, Frame)]) -> Self {
        let mut exchanges = Self::default();
        let mut asked: BTreeMap<Subject, (u8, u64)> = BTreeMap::new();
        for (now, frame) in kept {
            let subject = (frame.bus.0, frame.id.key());
            let spoken = exchanges.spoken.entry(subject).or_default();
            match Message::of(frame) {
                Some(Message::Request(service)) => {
                    spoken.0 = spoken.0.saturating_add(1);
                    spoken.2.add(service);
                    asked.insert(subject, (service, *now));
                }
                Some(Message::Answer(service)) => {
                    spoken.1 = spoken.1.saturating_add(1);
                    let fits = |(asker, (what, when)): &(&Subject, &(u8, u64))| {
                        asker.0 == subject.0 && *what == service && now.saturating_sub(*when) <= ANSWER_SPAN
                    };
                    for (asker, _) in asked.iter().filter(fits) {
                        let count = exchanges.fits.entry((subject, *asker)).or_default();
                        *count = count.saturating_add(1);
                    }
                }
                None => {}
            }
        }
        exchanges
    }

    /// What each identifier is.
    fn lines(&self) -> BTreeMap<Subject, Line> {
        let mut lines = BTreeMap::new();
        let mut askers: BTreeMap<Subject, usize> = BTreeMap::new();
        for (&subject, &(requests, answers, services)) in &self.spoken {
            if let Some(line) = standard(subject).filter(|line| line.role != Role::Response) {
                if answers == 0 && requests > 0 {
                    lines.insert(subject, Line { services: Some(services), ..line });
                }
                continue;
            }
            if let Some(line) = standard(subject) {
                if requests == 0 && answers > 0 {
                    lines.insert(subject, Line { services: Some(Services::default()), ..line });
                }
                continue;
            }
            if requests > 0 {
                continue;
            }
            let Some(asker) = self.asker(subject, answers) else { continue };
            let answer = Line { request: asker.1, role: Role::Response, muted: 0, services: Some(Services::default()) };
            lines.insert(subject, answer);
            let count = askers.entry(asker).or_default();
            *count = count.saturating_add(1);
        }
        for (asker, answering) in askers {
            let Some(&(_, 0, services)) = self.spoken.get(&asker) else { continue };
            let role = if answering >= FUNCTIONAL_MIN { Role::Functional } else { Role::Request };
            lines.entry(asker).or_insert(Line { request: asker.1, role, muted: 0, services: Some(services) });
        }
        let known: Vec<Subject> = lines.keys().copied().collect();
        lines.retain(|subject, line| standard(*subject).is_some() || known.contains(&(subject.0, line.request)));
        lines
    }

    /// Whose requests an identifier answers: most of its answers fit, and those of nobody else fit better.
    fn asker(&self, subject: Subject, answers: u32) -> Option<Subject> {
        let fits = self.fits.iter().filter(|((answering, _), _)| *answering == subject);
        let (&(_, asker), &count) = fits.max_by_key(|(_, count)| **count)?;
        let most = u64::from(count).saturating_mul(10) >= u64::from(answers).saturating_mul(6);
        (count >= ANSWERS_MIN && most).then_some(asker)
    }
}

fn standard((_, key): Subject) -> Option<Line> {
    Line::standard(CanId::from_key(key).ok()?)
}
