//! Ranges of versions: where, on the line of a scheme's keys, being inside begins and ends.
//!
//! Not a notation: VERS, native notations and advisories are read into it. A range is a strictly rising list of cuts, each just before or
//! just behind a version; whoever has passed an odd number of them is inside. Judging a version costs a binary search of comparisons of
//! bytes. Byte form: the number of the scheme, then for each cut its kind (0 the start of the line, 1 before, 2 behind) and, but for the
//! start, the key with its length in two bytes (big-endian).

use super::{Scheme, VersionKey};
use std::cmp::Ordering;

/// Which side of a version a cut is on.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Side {
    /// Just before it.
    Before,
    /// Just behind it.
    Behind,
}

/// A place between versions.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Cut {
    /// Before all versions.
    Start,
    /// Beside a version.
    At(VersionKey, Side),
}

impl Cut {
    /// Just before this version.
    #[must_use]
    pub const fn before(key: VersionKey) -> Self {
        Self::At(key, Side::Before)
    }

    /// Just behind this version.
    #[must_use]
    pub const fn behind(key: VersionKey) -> Self {
        Self::At(key, Side::Behind)
    }
}

/// A set of versions of one scheme.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct VersionRange {
    scheme: Scheme,
    cuts: Vec<Cut>,
}

impl VersionRange {
    /// No version.
    #[must_use]
    pub const fn none(scheme: Scheme) -> Self {
        Self { scheme, cuts: Vec::new() }
    }

    /// Every version.
    #[must_use]
    pub fn all(scheme: Scheme) -> Self {
        Self { scheme, cuts: vec![Cut::Start] }
    }

    /// One version.
    #[must_use]
    pub fn only(scheme: Scheme, key: VersionKey) -> Self {
        Self { scheme, cuts: vec![Cut::before(key.clone()), Cut::behind(key)] }
    }

    /// From one cut to another, or to the end. What ends before it begins is empty.
    #[must_use]
    pub fn between(scheme: Scheme, low: Cut, high: Option<Cut>) -> Self {
        if high.as_ref().is_some_and(|high| *high <= low) {
            return Self::none(scheme);
        }
        Self { scheme, cuts: std::iter::once(low).chain(high).collect() }
    }

    /// What is in any of these.
    #[must_use]
    pub fn any(scheme: Scheme, ranges: impl IntoIterator<Item = Self>) -> Self {
        // Cuts of all ranges on one line; inside is where more have begun than ended.
        let mut steps: Vec<(Cut, bool)> = Vec::new();
        for range in ranges {
            steps.extend(range.cuts.into_iter().zip([true, false].into_iter().cycle()));
        }
        // Where one ends and another begins there is no gap.
        steps.sort_by(|(cut, begins), (other, other_begins)| cut.cmp(other).then(other_begins.cmp(begins)));
        let (mut cuts, mut depth) = (Vec::new(), 0_usize);
        for (cut, begins) in steps {
            let before = depth;
            depth = if begins { depth.saturating_add(1) } else { depth.saturating_sub(1) };
            if (before == 0) != (depth == 0) {
                cuts.push(cut);
            }
        }
        Self { scheme, cuts }
    }

    /// What is not in it.
    #[must_use]
    pub fn complement(mut self) -> Self {
        if self.cuts.first() == Some(&Cut::Start) {
            self.cuts.remove(0);
        } else {
            self.cuts.insert(0, Cut::Start);
        }
        self
    }

    /// What is in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let scheme = self.scheme;
        Self::any(scheme, [self.complement(), other.complement()]).complement()
    }

    /// The scheme.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The cuts, rising; the first begins, the second ends, and so on.
    #[must_use]
    pub fn cuts(&self) -> &[Cut] {
        &self.cuts
    }

    /// Whether no version can be in it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.cuts.is_empty()
    }

    /// Whether a version is in it.
    #[must_use]
    pub fn contains(&self, key: &VersionKey) -> bool {
        let is_passed = |cut: &Cut| match cut {
            Cut::Start => true,
            Cut::At(at, side) => is_passed(self.scheme, at.as_bytes(), *side, key.as_bytes()),
        };
        let passed = if self.scheme == Scheme::Alpm {
            self.cuts.iter().filter(|cut| is_passed(cut)).count()
        } else {
            self.cuts.partition_point(is_passed)
        };
        passed & 1 == 1
    }

    /// The byte form.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![self.scheme.number()];
        for cut in &self.cuts {
            match cut {
                Cut::Start => out.push(0),
                Cut::At(key, side) => {
                    out.push(if *side == Side::Before { 1 } else { 2 });
                    // A key is at most three times as long as the longest version.
                    out.extend(u16::try_from(key.as_bytes().len()).unwrap_or(u16::MAX).to_be_bytes());
                    out.extend(key.as_bytes());
                }
            }
        }
        out
    }

    /// Reads the byte form; `None` if it is none.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (number, mut rest) = bytes.split_first()?;
        let mut range = Self::none(Scheme::numbered(*number)?);
        while !rest.is_empty() {
            let (cut, left) = first_cut(rest)?;
            rest = left;
            let cut = cut.map_or(Cut::Start, |(key, side)| Cut::At(VersionKey::from_bytes(key.to_vec()), side));
            if range.cuts.last().is_some_and(|last| *last >= cut) {
                return None;
            }
            range.cuts.push(cut);
        }
        Some(range)
    }
}

/// Whether a version is in a range that is still in its byte form; `None` if it is none.
#[must_use]
pub fn range_bytes_contain(bytes: &[u8], key: &[u8]) -> Option<bool> {
    let (number, mut rest) = bytes.split_first()?;
    let scheme = Scheme::numbered(*number)?;
    let mut is_inside = false;
    while !rest.is_empty() {
        let (cut, left) = first_cut(rest)?;
        rest = left;
        if cut.is_none_or(|(at, side)| is_passed(scheme, at, side, key)) {
            is_inside = !is_inside;
        }
    }
    Some(is_inside)
}

fn is_passed(scheme: Scheme, at: &[u8], side: Side, key: &[u8]) -> bool {
    match scheme.order(at, key) {
        Ordering::Less => true,
        Ordering::Equal => side == Side::Before,
        Ordering::Greater => false,
    }
}

/// A cut beside a key, or `None` for the start of the line.
type RawCut<'a> = Option<(&'a [u8], Side)>;

fn first_cut(bytes: &[u8]) -> Option<(RawCut<'_>, &[u8])> {
    let (kind, rest) = bytes.split_first()?;
    let side = match kind {
        0 => return Some((None, rest)),
        1 => Side::Before,
        2 => Side::Behind,
        _ => return None,
    };
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let (key, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    Some((Some((key, side)), rest))
}
