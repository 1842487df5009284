//! Judges frames on a Cortex-M4 and prints what it raised and what that cost.
//!
//! Not a sensor: no CAN controller, no filter chain, no link. The profile and the frames lie in memory, put there by QEMU;
//! events and figures go to the host by semihosting. Invariant: prints the same events as the harness beside it finds on the
//! host. Cost: printed by itself: instructions a frame (QEMU counts one nanosecond each), bytes of detector and stack.
#![no_std]
#![no_main]

use core::cell::UnsafeCell;
use core::fmt::Write as _;
use core::mem::MaybeUninit;
use core::panic::PanicInfo;
use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_rt::entry;
use cortex_m_semihosting::debug::{self, EXIT_FAILURE, EXIT_SUCCESS};
use cortex_m_semihosting::hio::{self, HostStream};
use yagura_ids::{Profile, State};
use yagura_model::{BusId, CanId, Frame, FrameKind, Micros, Payload, SecurityEvent};

/// Identifiers that this build has room for.
const IDS: usize = 256;
/// Where QEMU puts the profile: its length (4 bytes, big-endian), then its bytes. Flash in a vehicle.
const PROFILE_AT: usize = 0x2010_0000;
/// Where QEMU puts the frames, in the same way. A CAN controller in a vehicle.
const FRAMES_AT: usize = 0x2018_0000;
/// Bytes of a frame before its data: time 8, bus 1, key 4, kind 1, length 1.
const FRAME_HEADER: usize = 15;
/// A tick of the 25 MHz timer is so many nanoseconds, and QEMU gives each instruction one.
const INSTRUCTIONS_PER_TICK: u32 = 40;
const TIMER_TOP: u32 = 0x00FF_FFFF;
/// Events of one frame that are kept until its time is taken: its findings, and an episode that ends.
const EVENTS_MAX: usize = 8;
const PAINT: u32 = 0xA5A5_5A5A;

/// What lives as long as the firmware. All bytes zero at the start, so it takes no flash; never moved, so it takes no stack.
struct Room(UnsafeCell<(State<IDS>, Events)>);

// SAFETY: there is one core and no interrupt handler; `run` alone touches it, once.
unsafe impl Sync for Room {}

static ROOM: Room = Room(UnsafeCell::new((State::new(), Events::NONE)));

#[entry]
fn main() -> ! {
    let code = match run() {
        Ok(()) => EXIT_SUCCESS,
        Err(why) => {
            tell(format_args!("error: {why}\n"));
            EXIT_FAILURE
        }
    };
    loop {
        debug::exit(code);
    }
}

fn run() -> Result<(), &'static str> {
    paint_stack();
    let mut out = hio::hstdout().map_err(|()| "no semihosting")?;
    let mut timer = cortex_m::Peripherals::take().ok_or("peripherals taken")?.SYST;
    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(TIMER_TOP);
    timer.clear_current();
    timer.enable_counter();
    let profile = Profile::parse(blob(PROFILE_AT)).map_err(|_| "not a profile")?;
    // SAFETY: `run` is called once, and nothing else refers to the place.
    let (state, events) = unsafe { &mut *ROOM.0.get() };
    state.start(&profile).map_err(|_| "profile larger than this detector")?;
    let mut cost = Cost::default();
    let mut rest = blob(FRAMES_AT);
    while let Some((frame, after)) = next_frame(rest) {
        rest = after;
        let start = SYST::get_current();
        state.handle_frame(&profile, &frame, &mut |event| events.put(event));
        let ticks = start.wrapping_sub(SYST::get_current()) & TIMER_TOP;
        cost.add(ticks);
        events.print(&mut out)?;
    }
    // What is left to tell may be more than a frame ever raises.
    let mut written = Ok(());
    state.handle_timeout(Micros::MAX, &mut |event: SecurityEvent| written = written.and(print(&event, &mut out)));
    written?;
    cost.print(&mut out)
}

/// Bytes that QEMU put at `at`.
fn blob(at: usize) -> &'static [u8] {
    let at = at as *const u8;
    // SAFETY: the harness loads a length and as many bytes there; the linker script leaves that memory alone.
    unsafe {
        let length = u32::from_be_bytes(at.cast::<[u8; 4]>().read());
        core::slice::from_raw_parts(at.add(4), length as usize)
    }
}

fn next_frame(bytes: &[u8]) -> Option<(Frame, &[u8])> {
    let (header, rest) = bytes.split_first_chunk::<FRAME_HEADER>()?;
    let &[t0, t1, t2, t3, t4, t5, t6, t7, bus, k0, k1, k2, k3, kind, len] = header;
    let (data, rest) = rest.split_at_checked(usize::from(len))?;
    let kind = match kind {
        0 => FrameKind::Data,
        1 => FrameKind::Fd { bit_rate_switch: false, error_passive: false },
        2 => FrameKind::Remote { requested_len: 0 },
        _ => FrameKind::Error,
    };
    let time = Micros(u64::from_be_bytes([t0, t1, t2, t3, t4, t5, t6, t7]));
    let id = CanId::from_key(u32::from_be_bytes([k0, k1, k2, k3])).ok()?;
    Some((Frame { time, bus: BusId(bus), id, kind, payload: Payload::new(data).ok()? }, rest))
}

/// Events of one frame.
struct Events {
    events: [MaybeUninit<SecurityEvent>; EVENTS_MAX],
    len: usize,
    lost: usize,
}

impl Events {
    const NONE: Self = Self { events: [const { MaybeUninit::zeroed() }; EVENTS_MAX], len: 0, lost: 0 };

    fn put(&mut self, event: SecurityEvent) {
        match self.events.get_mut(self.len) {
            Some(place) => {
                place.write(event);
                self.len += 1;
            }
            None => self.lost += 1,
        }
    }

    /// Prints and forgets them.
    fn print(&mut self, out: &mut HostStream) -> Result<(), &'static str> {
        for event in self.events.iter().take(self.len) {
            // SAFETY: the first `len` were written.
            print(unsafe { event.assume_init_ref() }, out)?;
        }
        self.len = 0;
        if self.lost == 0 { Ok(()) } else { Err("more events of one frame than this firmware keeps") }
    }
}

#[inline(never)]
fn print(event: &SecurityEvent, out: &mut HostStream) -> Result<(), &'static str> {
    let SecurityEvent { id, time, count, context } = event;
    let (bus, can_id) = (context.bus.0, context.id);
    let (expected, observed, payload) = (context.expected, context.observed, context.payload);
    writeln!(out, "event {time} {id} {bus} {can_id} {count} {expected} {observed} {payload}")
        .map_err(|_| "cannot print")
}

/// What frames cost, in timer ticks.
#[derive(Default)]
struct Cost {
    frames: u32,
    ticks: u64,
    worst: u32,
    worst_frame: u32,
}

impl Cost {
    fn add(&mut self, ticks: u32) {
        if ticks > self.worst {
            (self.worst, self.worst_frame) = (ticks, self.frames);
        }
        self.frames += 1;
        self.ticks += u64::from(ticks);
    }

    fn print(&self, out: &mut HostStream) -> Result<(), &'static str> {
        let mean = self.ticks * u64::from(INSTRUCTIONS_PER_TICK) / u64::from(self.frames.max(1));
        let worst = self.worst * INSTRUCTIONS_PER_TICK;
        let (detector, stack) = (size_of::<State<IDS>>(), stack_used());
        writeln!(
            out,
            "cost frames={} mean={mean} worst={worst} worst_frame={} detector={detector} stack={stack}",
            self.frames, self.worst_frame
        )
        .map_err(|_| "cannot print")
    }
}

unsafe extern "C" {
    static mut __sheap: u32;
    static _stack_start: u32;
}

/// Fills the free stack with a pattern, to find out later how deep it went.
#[inline(never)]
fn paint_stack() {
    let end = cortex_m::register::msp::read() as usize - 64;
    let mut at = (&raw const __sheap) as usize;
    while at < end {
        // SAFETY: between the end of static data and the stack pointer nothing is in use.
        unsafe { (at as *mut u32).write_volatile(PAINT) };
        at += 4;
    }
}

/// How deep the stack went since it was painted, bytes.
fn stack_used() -> usize {
    let top = (&raw const _stack_start) as usize;
    let mut at = (&raw const __sheap) as usize;
    // SAFETY: as above; reading is harmless anywhere in RAM.
    while at < top && unsafe { (at as *const u32).read_volatile() } == PAINT {
        at += 4;
    }
    top - at
}

fn tell(message: core::fmt::Arguments<'_>) {
    if let Ok(mut out) = hio::hstdout() {
        let _ = out.write_fmt(message);
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    tell(format_args!("error: {info}\n"));
    loop {
        debug::exit(EXIT_FAILURE);
    }
}
