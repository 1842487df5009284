//! What the columns of a table mean, by the names in its head.
//!
//! Not a guess from values: a head with unknown names is no capture. Invariant: a head that is accepted has time, identifier and
//! data, at most [`COLUMNS_MAX`] columns. Cost: once per capture.
//!
//! ```text
//! t,bus,id,ext,data,label,attack                                       normalised: seconds, hexadecimal, labels
//! Time Stamp,ID,Extended,Dir,Bus,LEN,D1,D2,D3,D4,D5,D6,D7,D8           SavvyCAN (GVRET): microseconds
//! timestamp,arbitration_id,extended,remote,error,dlc,data              python-can: seconds, data in base 64
//! timestamp,iface,can_id,dlc,data,…,label,…                            labels of the J1939 data set: identifiers in decimal
//! timestamp,arbitration_id,data_field,attack                           can-train-and-test
//! ```

/// The most columns a head may have.
const COLUMNS_MAX: usize = 128;

/// What a column holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Role {
    /// A time in units of 10^-scale seconds.
    Time {
        scale: u32,
    },
    HexId,
    DecimalId,
    Extended,
    Bus,
    Len,
    /// All data in hexadecimal.
    Data,
    /// All data in base 64.
    Base64,
    /// One byte of the data in hexadecimal.
    Byte,
    Label,
    Attack,
    Remote,
    Error,
    Ignored,
}

/// A head that was understood.
pub(super) struct Head {
    pub(super) separator: u8,
    pub(super) roles: Vec<Role>,
    pub(super) name: &'static str,
}

/// The columns of a head; `None` if the line is none.
pub(super) fn head(text: &[u8]) -> Option<Head> {
    let separator = *text.iter().find(|byte| matches!(byte, b',' | b';' | b'\t'))?;
    let names: Vec<Vec<u8>> = text.split(|byte| *byte == separator).take(COLUMNS_MAX).map(clean).collect();
    let has = |name: &[u8]| names.iter().any(|given| given == name);
    let is_python_can = has(b"arbitration_id") && has(b"extended") && has(b"remote") && has(b"error");
    let is_decimal = has(b"iface") && has(b"can_id");
    let role = |name: &Vec<u8>| match role(name) {
        Role::Data if is_python_can => Role::Base64,
        Role::HexId if is_decimal => Role::DecimalId,
        role => role,
    };
    let roles: Vec<Role> = names.iter().map(role).collect();
    let holds = |wanted: fn(&Role) -> bool| roles.iter().any(wanted);
    let is_capture = holds(|role| matches!(role, Role::Time { .. }))
        && holds(|role| matches!(role, Role::HexId | Role::DecimalId))
        && holds(|role| matches!(role, Role::Data | Role::Base64 | Role::Byte));
    let name = match (is_python_can, has(b"time stamp"), has(b"t")) {
        (true, ..) => "python-can CSV",
        (_, true, _) => "SavvyCAN (GVRET) CSV",
        (_, _, true) => "normalised CSV",
        _ => "CSV",
    };
    is_capture.then_some(Head { separator, roles, name })
}

/// A name without blanks and quotes around it, in lower case.
fn clean(name: &[u8]) -> Vec<u8> {
    let name = name.trim_ascii();
    let name = name.strip_prefix(b"\"").and_then(|name| name.strip_suffix(b"\"")).unwrap_or(name);
    name.to_ascii_lowercase()
}

fn role(name: &[u8]) -> Role {
    match name {
        b"t" | b"time" | b"timestamp" | b"time(s)" | b"timestamp(s)" | b"time_s" => Role::Time { scale: 6 },
        b"time_ms" | b"time(ms)" | b"timestamp(ms)" | b"timestamp_ms" => Role::Time { scale: 3 },
        b"time stamp" | b"time_us" | b"time(us)" | b"timestamp(us)" | b"timestamp_us" => Role::Time { scale: 0 },
        b"id" | b"can_id" | b"canid" | b"can id" | b"arbitration_id" => Role::HexId,
        b"ext" | b"extended" | b"is_extended" => Role::Extended,
        b"bus" | b"channel" | b"iface" | b"interface" => Role::Bus,
        b"len" | b"dlc" | b"length" => Role::Len,
        b"data" | b"data_field" | b"payload" => Role::Data,
        b"label" => Role::Label,
        b"attack" => Role::Attack,
        b"remote" => Role::Remote,
        b"error" => Role::Error,
        [b'd', digits @ ..] | [b'd', b'a', b't', b'a', digits @ ..] if is_number(digits) => Role::Byte,
        _ => Role::Ignored,
    }
}

fn is_number(digits: &[u8]) -> bool {
    (1..=2).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit)
}
