//! Forged attacks on the repository's own captures: what is scored, explained and drawn.

use crate::capture;
use yagura_desk::eval::{Labelled, Truth, evaluate, page, windows_text};
use yagura_desk::inject::{Forged, Kind, Order, inject};
use yagura_desk::{Capture, Quiet, Wanted, diff, explain_alert, learn};
use yagura_model::{CanId, Micros};
use yagura_profile::{Learned, Specification};

fn learned(name: &str) -> Learned {
    learn(&[capture(name)], &Specification::default(), &mut Quiet).unwrap().learned
}

fn attacked(kind: Kind, target: Option<u32>) -> Forged {
    let frames = Capture::open(&capture("tesla-model-3/replay-1.log.gz")).unwrap().read_all(&mut Quiet).unwrap();
    let (start, end) = (Micros::from_secs(20), Micros::from_secs(25));
    let target = target.map(|key| CanId::from_key(key).unwrap());
    inject(&frames, &Order { kind, start, end, bus: None, target, field: None, seed: 5 }, None).unwrap()
}

fn written(forged: &Forged) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    forged.write_csv(&mut file).unwrap();
    file
}

#[test]
fn an_attack_written_as_csv_is_read_back_with_its_labels_and_seen_whole() {
    let learned = learned("tesla-model-3/learn.log.gz");
    let forged = attacked(Kind::Flood, None);
    let (frames, truth) = Truth::read(written(&forged).path(), &[], &mut Quiet).unwrap();
    let same = |(read, made): (&Labelled, &Labelled)| read.frame == made.frame && read.is_attack == made.is_attack;
    assert!(frames.len() == forged.frames.len() && frames.iter().zip(&forged.frames).all(same));
    assert_eq!((truth.segments.len(), truth.segments[0].kind.as_str()), (1, "flood"));
    let (score, tally) = evaluate(&frames, &truth, Micros(0), learned.profile().unwrap()).unwrap();
    assert_eq!((score.hits, score.false_lines, score.false_incidents), (score.attack_frames, 0, 0));
    assert_eq!(score.attacks[0].delay, Some(0.0));
    assert_eq!(tally.alerts, score.hits + score.during + score.after);
    let page = page("a <page>", &[("flood".to_owned(), score)]);
    assert!(page.contains("a &lt;page&gt;") && page.contains("<svg") && !page.contains("http"));
}

#[test]
fn lines_beside_and_after_an_attack_are_counted_apart_from_false_ones() {
    let learned = learned("tesla-model-3/learn.log.gz");
    let forged = attacked(Kind::Fuzz, None);
    // The labels say nothing; the window covers the second half of the attack.
    let frames: Vec<Labelled> =
        forged.frames.iter().map(|it| Labelled { is_attack: false, name: None, ..*it }).collect();
    let start = frames[0].frame.time;
    let mut windows = windows_text("22.5-23.5").unwrap();
    windows.iter_mut().for_each(|window| {
        (window.start, window.end) = (window.start.plus(start.0), window.end.plus(start.0));
    });
    let truth = Truth { names: Vec::new(), segments: windows };
    let (score, tally) = evaluate(&frames, &truth, Micros(0), learned.profile().unwrap()).unwrap();
    assert!(score.during > 0 && score.after > 0 && score.false_lines > 0);
    assert_eq!(score.hits + score.during + score.after + score.false_lines, tally.alerts);
}

#[test]
fn one_alert_is_explained_by_its_frames_its_profile_and_the_catalogue() {
    let learned = learned("tesla-model-3/learn.log.gz");
    let profile = learned.profile().unwrap();
    let file = written(&attacked(Kind::InjectFast, Some(0x104)));
    let mut reading = Capture::open(file.path()).unwrap();
    let wanted = Wanted { t: 0.0, bus: Some(0), id: Some("104".to_owned()) };
    let text = explain_alert(&mut reading, &profile, &wanted, &mut Quiet).unwrap().unwrap();
    for part in ["identifier 104", "period ", "> ", "what to do"] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let mut reading = Capture::open(&capture("tesla-model-3/replay-1.log.gz")).unwrap();
    assert_eq!(explain_alert(&mut reading, &profile, &wanted, &mut Quiet).unwrap(), None);
}

#[test]
fn a_profile_differs_from_another_vehicles_and_not_from_itself() {
    let (tesla, kona) = (learned("tesla-model-3/learn.log.gz"), learned("kona-ev/epcu-learn.log.gz"));
    let (tesla, kona) = (tesla.profile().unwrap(), kona.profile().unwrap());
    assert!(diff(&tesla, &tesla).is_empty());
    let difference = diff(&tesla, &kona);
    assert!(!difference.added.is_empty() && !difference.removed.is_empty(), "{}", difference.text());
}
