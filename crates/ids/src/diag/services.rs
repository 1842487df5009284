//! Diagnostic services of UDS (ISO 14229-1), KWP2000 (ISO 14230-3) and OBD (SAE J1979): what a request asks for.
//!
//! Not a decoder of data. Where the standards differ, a request that any of them allows is allowed. Invariant: pure functions
//! of the first bytes of a message.

/// Which services a tester was seen to use: one bit each for 0x00-0x3F and 0x80-0x8F.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Services {
    /// 0x00-0x3F.
    pub low: u64,
    /// 0x80-0x8F.
    pub high: u16,
}

impl Services {
    /// Adds one; others than 0x00-0x3F and 0x80-0x8F are not kept.
    pub const fn add(&mut self, service: u8) {
        match service {
            0..=0x3F => self.low |= 1 << service,
            0x80..=0x8F => self.high |= 1 << (service & 0xF),
            _ => {}
        }
    }

    /// Whether it was added.
    #[must_use]
    pub const fn has(self, service: u8) -> bool {
        match service {
            0..=0x3F => self.low >> service & 1 != 0,
            0x80..=0x8F => self.high >> (service & 0xF) & 1 != 0,
            _ => false,
        }
    }
}

pub(crate) const SESSION: u8 = 0x10;
pub(crate) const RESET: u8 = 0x11;
pub(crate) const SECURITY: u8 = 0x27;
pub(crate) const AUTHENTICATION: u8 = 0x29;
pub(crate) const NEGATIVE: u8 = 0x7F;

/// A request's second byte without the bit that suppresses the answer.
fn sub(message: &[u8]) -> u8 {
    message.get(1).map_or(0, |sub| sub & 0x7F)
}

/// Whether no standard has such a request: a service that does not exist, too few bytes for it, or a reserved sub-function.
pub(crate) fn is_malformed(message: &[u8]) -> bool {
    let Some(&service) = message.first() else { return true };
    let least = match service {
        0x01..=0x0A
        | 0x12..=0x14
        | 0x17..=0x18
        | 0x1B
        | 0x20
        | 0x37
        | 0x3A
        | 0x3E
        | 0x3F
        | 0x81..=0x84
        | 0xA0..=0xBF => 1,
        0x10 | 0x11 | 0x19 | 0x1A | 0x21 | 0x26..=0x2D | 0x30..=0x33 | 0x36 | 0x38 | 0x39 | 0x85..=0x88 => 2,
        0x22 | 0x24 | 0x34 | 0x35 | 0x3B | 0x3C => 3,
        0x23 | 0x2E | 0x2F | 0x3D => 4,
        _ => return true,
    };
    if message.len() < least {
        return true;
    }
    // KWP numbers its sessions from 0x81 on, so there the highest bit is no suppression.
    let second = message.get(1).copied().unwrap_or(0);
    match service {
        SESSION | RESET | 0x28 => (0x06..0x40).contains(&second),
        0x3E => message.len() > 1 && !matches!(second, 0 | 1 | 2 | 0x80),
        0x85 => (0x03..0x40).contains(&sub(message)),
        _ => false,
    }
}

/// Whether the request only reads, or keeps a session open.
pub(crate) fn is_harmless(message: &[u8]) -> bool {
    match message.first() {
        Some(0x01..=0x07 | 0x09 | 0x0A | 0x12 | 0x13 | 0x17..=0x1A | 0x20..=0x22 | 0x24 | 0x3E | 0x81..=0x83) => true,
        Some(&SESSION) => matches!(message.get(1), Some(0x01 | 0x03 | 0x81 | 0x83 | 0x89 | 0x90 | 0x92 | 0xC0)),
        _ => false,
    }
}

/// Whether the request changes what a control unit does: programming, reset, silence, outputs, routines, memory.
pub(crate) fn is_dangerous(message: &[u8]) -> bool {
    let Some(&service) = message.first() else { return false };
    match service {
        SESSION => matches!(message.get(1), Some(0x02 | 0x82 | 0x85)),
        0x28 => matches!(sub(message), 1..=5),
        0x85 => sub(message) == 2,
        // Returning control to the unit is how an adjustment ends.
        0x2F => message.get(3).is_some_and(|control| *control != 0),
        0x31 => sub(message) != 2 && sub(message) != 3,
        0x08 | RESET | 0x2E | 0x30 | 0x34..=0x38 | 0x3B | 0x3D => true,
        _ => false,
    }
}

/// Whether ISO 14229-1 (table 23) keeps the service out of the default session.
pub(crate) const fn needs_session(service: u8) -> bool {
    matches!(service, 0x27 | 0x28 | 0x2F | 0x34..=0x38 | 0x84 | 0x85 | 0x87)
}

/// What exactly is asked for, such as a data identifier or routine: what a scan goes through.
pub(crate) fn argument(message: &[u8]) -> u32 {
    let byte = |at: usize| u32::from(message.get(at).copied().unwrap_or(0));
    let service = byte(0) << 24;
    let what = match message.first() {
        Some(0x22 | 0x24 | 0x2E | 0x2F) => byte(1) << 8 | byte(2),
        Some(0x23 | 0x34 | 0x35 | 0x3D) => byte(2) << 16 | byte(3) << 8 | byte(4),
        Some(0x31) => byte(1) << 16 | byte(2) << 8 | byte(3),
        Some(0x36) => 0,
        _ => byte(1),
    };
    service | what
}

/// Whether the refusal says that there is no such thing, rather than not now.
pub(crate) const fn says_unknown(code: u8) -> bool {
    matches!(code, 0x11 | 0x12 | 0x31 | 0x7E | 0x7F)
}

/// Whether the refusal says that the asker may not: sequence, conditions, security, authentication, motion.
pub(crate) const fn says_forbidden(code: u8) -> bool {
    matches!(code, 0x22 | 0x24 | 0x33 | 0x34 | 0x70 | 0x7E | 0x7F | 0x81..=0x8F)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_that_no_standard_has_are_malformed() {
        let good: [&[u8]; 10] = [
            &[0x3E, 0x80],
            &[0x3E, 1],
            &[0x10, 0x81],
            &[0x22, 0xF1, 0x90],
            &[0x31, 1],
            &[0x01, 0],
            &[0x27, 0x0B],
            &[0x20],
            &[0x28, 3, 1],
            &[0x85, 0x82],
        ];
        let bad: [&[u8]; 9] =
            [&[], &[0x22, 8], &[0x2E, 1], &[0x34, 7], &[0x3E, 15], &[0x11, 14], &[0x62, 1, 2], &[0x0C], &[0x85, 0x0F]];
        assert!(good.iter().all(|message| !is_malformed(message)));
        assert!(bad.iter().all(|message| is_malformed(message)));
    }

    #[test]
    fn what_only_reads_is_not_dangerous() {
        for service in 0..=u8::MAX {
            for second in 0..=u8::MAX {
                let message = [service, second, 0, 1];
                assert!(!(is_harmless(&message) && is_dangerous(&message)), "{message:02X?}");
            }
        }
    }
}
