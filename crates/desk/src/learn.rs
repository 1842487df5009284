//! Captures of clean traffic → a profile, and what may be expected of it.
//!
//! Not the learner (`profile` is). Captures are learned in the order given, as one vehicle's traffic. Invariant: labels that a
//! capture may hold are not looked at. Cost: 96 bytes a frame while learning; the estimate from held-back traffic learns
//! [`crate::FOLDS_MAX`] times more.

use crate::{Capture, DeskError, HeldBack, Watch};
use std::path::{Path, PathBuf};
use yagura_model::Frame;
use yagura_profile::{Learned, Settings, Specification};

/// What came of learning.
#[derive(Debug)]
pub struct Lesson {
    /// The profile.
    pub learned: Learned,
    /// What was learned from, with the number of frames of each.
    pub captures: Vec<(PathBuf, usize)>,
    /// False alarms on traffic held back; `None` if the traffic was too long to judge it twice, or too short to divide.
    pub held_back: Option<HeldBack>,
}

/// Reads the specifications of a vehicle as one: DBC files, and ARXML files (told apart by content), whose references may meet.
/// What is wrong in them is told and left out.
///
/// # Errors
/// [`DeskError`] if a file cannot be read.
pub fn read_specification(paths: &[impl AsRef<Path>], watch: &mut impl Watch) -> Result<Specification, DeskError> {
    let (mut all, mut arxml) = (Specification::default(), Vec::new());
    for path in paths {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|source| DeskError::file(path, source))?;
        if is_xml(&bytes) {
            arxml.push((path, bytes));
            continue;
        }
        let one = Specification::from_dbc_bytes(&bytes)
            .map_err(|source| DeskError::Specification { path: path.to_owned(), source })?;
        one.faults.iter().for_each(|fault| watch.mended(path, fault));
        all.merge(one);
    }
    if let Some(one) = read_arxml(&arxml, watch)? {
        all.merge(one);
    }
    Ok(all)
}

type File<'p> = (&'p Path, Vec<u8>);

#[cfg(feature = "arxml")]
fn read_arxml(files: &[File<'_>], watch: &mut impl Watch) -> Result<Option<Specification>, DeskError> {
    let Some((path, _)) = files.first() else { return Ok(None) };
    let texts: Vec<&[u8]> = files.iter().map(|(_, bytes)| bytes.as_slice()).collect();
    let one = Specification::from_arxml(&texts)
        .map_err(|source| DeskError::Arxml { path: (*path).to_owned(), reason: source.to_string() })?;
    one.faults.iter().for_each(|fault| watch.mended(path, fault));
    Ok(Some(one))
}

#[cfg(not(feature = "arxml"))]
fn read_arxml(files: &[File<'_>], _: &mut impl Watch) -> Result<Option<Specification>, DeskError> {
    let reason = "this build reads no ARXML".to_owned();
    files.first().map_or(Ok(None), |(path, _)| Err(DeskError::Arxml { path: (*path).to_owned(), reason }))
}

fn is_xml(bytes: &[u8]) -> bool {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).trim_ascii_start().starts_with(b"<")
}

/// Learns from captures, and from what the makers wrote.
///
/// # Errors
/// [`DeskError`] if a capture cannot be read or nothing can be learned.
pub fn learn(
    captures: &[impl AsRef<Path>],
    specification: &Specification,
    watch: &mut impl Watch,
) -> Result<Lesson, DeskError> {
    let mut traffic = Vec::with_capacity(captures.len());
    let mut read = Vec::with_capacity(captures.len());
    for path in captures {
        let path = path.as_ref();
        let frames = Capture::open(path)?.read_all(watch)?;
        read.push((path.to_owned(), frames.len()));
        traffic.push(frames);
    }
    let learned = learn_frames(&traffic, specification)?;
    let held_back = HeldBack::measure(&traffic, specification)?;
    Ok(Lesson { learned, captures: read, held_back })
}

/// Learns from frames of several captures.
pub(crate) fn learn_frames<T: AsRef<[Frame]>>(
    traffic: &[T],
    specification: &Specification,
) -> Result<Learned, DeskError> {
    let frames = traffic.iter().flat_map(|frames| frames.as_ref().iter().copied());
    Ok(yagura_profile::learn_with(frames, specification, &Settings::default())?)
}
