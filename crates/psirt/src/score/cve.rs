//! The id of a CVE record as a number, so that lists of hundreds of thousands stay small.

use std::fmt;

/// `CVE-2024-12345`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CveId {
    year: u16,
    number: u64,
}

impl CveId {
    /// Reads an id; case does not matter.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (head, rest) = text.trim().split_at_checked(4)?;
        let (year, number) = rest.split_once('-')?;
        let is_id = head.eq_ignore_ascii_case("CVE-") && year.len() == 4 && number.len() >= 4;
        let are_digits = [year, number].iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
        (is_id && are_digits).then(|| Some(Self { year: year.parse().ok()?, number: number.parse().ok()? }))?
    }
}

impl fmt::Display for CveId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "CVE-{}-{:04}", self.year, self.number)
    }
}
