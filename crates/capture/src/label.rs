//! What a labelled capture says of a frame beside its bytes: clean or attack, and which attack.
//!
//! Not evidence: labels are for scoring (`ids eval`), detectors never see them. Invariant: at most [`ATTACKS_MAX`] names, each
//! once. Cost: a frame without a name costs nothing, one with the name before it one comparison.

/// The most attack names one capture may hold.
pub const ATTACKS_MAX: usize = 64;
/// The longest attack name that is kept, in bytes; the rest is cut off.
const NAME_LEN_MAX: usize = 64;

/// The label of one frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Label {
    /// Traffic as the vehicle sends it.
    Clean,
    /// Written by an attacker.
    Attack {
        /// Index of the attack's name in [`Summary::attacks`](crate::Summary::attacks); `None` if the capture gives no name.
        name: Option<u8>,
    },
}

/// A label as a line says it; the name has no index yet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mark<'a> {
    Clean,
    Attack(&'a [u8]),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Attacks {
    seen: Vec<String>,
}

impl Attacks {
    /// The label with its index; `None` if the name would be one too many.
    pub(crate) fn label(&mut self, mark: Mark<'_>) -> Option<Label> {
        let name = match mark {
            Mark::Clean => return Some(Label::Clean),
            Mark::Attack(name) => name.get(..NAME_LEN_MAX).unwrap_or(name),
        };
        if name.is_empty() {
            return Some(Label::Attack { name: None });
        }
        let index = self.seen.iter().position(|seen| seen.as_bytes() == name).or_else(|| self.add(name))?;
        Some(Label::Attack { name: u8::try_from(index).ok() })
    }

    pub(crate) fn as_slice(&self) -> &[String] {
        &self.seen
    }

    fn add(&mut self, name: &[u8]) -> Option<usize> {
        let text = str::from_utf8(name).ok()?;
        (self.seen.len() < ATTACKS_MAX).then(|| self.seen.push(text.to_owned()))?;
        self.seen.len().checked_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_has_one_index_and_names_beyond_the_limit_are_refused() {
        let mut attacks = Attacks::default();
        assert_eq!(attacks.label(Mark::Clean), Some(Label::Clean));
        assert_eq!(attacks.label(Mark::Attack(b"")), Some(Label::Attack { name: None }));
        for index in 0..ATTACKS_MAX {
            let label = attacks.label(Mark::Attack(format!("attack {index}").as_bytes()));
            assert_eq!(label, Some(Label::Attack { name: u8::try_from(index).ok() }));
        }
        assert_eq!(attacks.label(Mark::Attack(b"one more")), None);
        assert_eq!(attacks.label(Mark::Attack(b"attack 3")), Some(Label::Attack { name: Some(3) }));
    }
}
