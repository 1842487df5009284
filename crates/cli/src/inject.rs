//! `yagura ids inject`: a clean capture and an order in, an attacked capture with labels out.
//!
//! Not the forging (`desk::inject`). The result says on standard error what was forged.

use crate::args::Inject;
use crate::failure::Failure;
use crate::ids::Terminal;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::time::Duration;
use yagura_desk::Capture;
use yagura_desk::inject::{InjectError, Kind, Order, inject};
use yagura_ids::{Field, Profile};
use yagura_model::{BusId, CanId, Micros};

/// Runs `ids inject`.
pub(crate) fn run(args: &Inject) -> Result<(), Failure> {
    let order = order(args)?;
    let mut terminal = Terminal::new();
    let frames = Capture::open(&args.capture)?.read_all(&mut terminal)?;
    terminal.clear();
    let bytes = args.repair.as_ref().map(|path| yagura_desk::read_profile(path)).transpose()?;
    let repair = bytes.as_deref().map(Profile::parse).transpose().map_err(|error| Failure::input("--repair", error))?;
    let forged =
        inject(&frames, &order, repair.as_ref()).map_err(|error| Failure::input(args.capture.display(), error))?;
    let machine = |error: std::io::Error| Failure::file(&args.out, &error);
    let mut file = BufWriter::new(File::create(&args.out).map_err(machine)?);
    let left_out = forged.write_csv(&mut file).and_then(|left_out| file.flush().map(|()| left_out)).map_err(machine)?;
    let target = forged.target.map_or_else(String::new, |id| format!(" of {id}"));
    eprintln!(
        "{}{target}: {} frames forged, {} suppressed, {left_out} remote and error frames left out",
        order.kind.name(),
        forged.forged,
        forged.suppressed
    );
    Ok(())
}

fn order(args: &Inject) -> Result<Order, Failure> {
    let kind: Kind = args.kind.parse().map_err(|error: InjectError| Failure::input(&args.kind, error))?;
    let time = |seconds: f64| Micros(Duration::from_secs_f64(seconds.clamp(0.0, 1e9)).as_micros() as u64);
    let target =
        args.id.as_deref().map(|text| id(text).ok_or_else(|| Failure::input(text, "no identifier"))).transpose()?;
    let field = args.field.as_deref().map(|text| field(text).ok_or_else(|| Failure::input(text, "no field")));
    Ok(Order {
        kind,
        start: time(args.start),
        end: time(args.end),
        bus: args.bus.map(BusId),
        target,
        field: field.transpose()?,
        seed: args.seed,
    })
}

/// Three hexadecimal digits or fewer for 11 bits, more for 29.
fn id(text: &str) -> Option<CanId> {
    let raw = u32::from_str_radix(text, 16).ok()?;
    CanId::from_key(if text.len() > 3 { raw | CanId::EXTENDED_BIT } else { raw }).ok()
}

fn field(text: &str) -> Option<Field> {
    let mut parts = text.split(':');
    let (start, bits) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    match parts.next() {
        None => Field::big_endian(start, bits).ok(),
        Some("le") => Field::little_endian(start, bits).ok(),
        Some(_) => None,
    }
}
