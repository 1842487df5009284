//! Topics of devices: `yagura/v1/TENANT/VEHICLE/SENSOR/KIND`.
//!
//! Not the topics of foreign sensors (those are in sources files). Invariant: a topic is one device's or nobody's.

use std::fmt;
use yagura_model::DeviceId;

/// What every topic begins with.
const PREFIX: &str = "yagura/v1/";

/// What is said under a topic.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A report, from the device.
    Report,
    /// A question where the device stands, from the device.
    Resume,
    /// A receipt, to the device.
    Receipt,
    /// Why a report was refused, to the device.
    Problem,
    /// Where the device stands, to the device.
    Standing,
}

impl Kind {
    const ALL: [Self; 5] = [Self::Report, Self::Resume, Self::Receipt, Self::Problem, Self::Standing];

    const fn name(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::Resume => "resume",
            Self::Receipt => "receipt",
            Self::Problem => "problem",
            Self::Standing => "standing",
        }
    }

    /// What a server subscribes to, together with the other servers of its group.
    #[must_use]
    pub fn shared_filter(self) -> String {
        format!("$share/yagura/{PREFIX}+/+/+/{}", self.name())
    }
}

/// A topic of a device.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DeviceTopic {
    /// Whose.
    pub device: DeviceId,
    /// What is said under it.
    pub kind: Kind,
}

impl DeviceTopic {
    /// The topic of this text; `None` if it is nobody's.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let rest = std::str::from_utf8(text).ok()?.strip_prefix(PREFIX)?;
        let (device, kind) = rest.rsplit_once('/')?;
        let kind = Kind::ALL.into_iter().find(|known| known.name() == kind)?;
        Some(Self { device: device.parse().ok()?, kind })
    }
}

impl fmt::Display for DeviceTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}/{}", self.device, self.kind.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_topic_survives_its_text(tenant in "[a-z0-9._-]{1,32}", vehicle in "[A-Za-z0-9]{1,32}", kind in 0..5_usize) {
            let device = format!("{tenant}/{vehicle}/cgw").parse().unwrap();
            let topic = DeviceTopic { device, kind: Kind::ALL[kind] };
            prop_assert_eq!(DeviceTopic::parse(topic.to_string().as_bytes()), Some(topic));
        }

        #[test]
        fn any_bytes_are_a_topic_or_nobodys(bytes in proptest::collection::vec(any::<u8>(), 0..60), text in "yagura/v1/[a-z/+#]{0,30}") {
            let _ = (DeviceTopic::parse(&bytes), DeviceTopic::parse(text.as_bytes()));
        }
    }

    #[test]
    fn names_with_wildcards_or_too_few_levels_are_nobodys() {
        for text in [
            "yagura/v1/a/b/report",
            "yagura/v1/a/b/+/report",
            "yagura/v2/a/b/c/report",
            "yagura/v1/a/b/c/d/report",
            "yagura/v1/a/b/c/reports",
        ] {
            assert_eq!(DeviceTopic::parse(text.as_bytes()), None, "{text}");
        }
    }
}
