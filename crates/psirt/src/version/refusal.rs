//! Why and where a scheme refuses a version.
//!
//! Not the error that callers see: that one names scheme and text too.

/// What is wrong at which byte.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Refusal {
    /// Bytes before the place.
    pub(super) offset: usize,
    /// What is wrong there.
    pub(super) why: &'static str,
}

impl Refusal {
    /// At `place`, which is a part of `whole`.
    pub(super) fn at(whole: &str, place: &str, why: &'static str) -> Self {
        let offset = place.as_ptr().addr().saturating_sub(whole.as_ptr().addr());
        Self { offset: offset.min(whole.len()), why }
    }

    /// At the beginning.
    pub(super) const fn start(why: &'static str) -> Self {
        Self { offset: 0, why }
    }
}
