//! An object store that errs, is slow and is away, between the real lake and archive and a real S3 server: a proxy on the loopback
//! breaks what passes it. Nothing committed is lost, nothing is doubled.
//!
//! `YAGURA_AWAY_SECONDS` says how long it stays away (3; an hour is 3600), `YAGURA_SEED` what happens before.

use crate::archive::filled;
use crate::lake::{all, keys, rows, wanted};
use crate::services::{location, prefix};
use crate::sim_disk::Dice;
use crate::vault::options;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::{Duration, Instant};
use yagura_store::objects::{Objects, open_with};
use yagura_store::{Archiver, Lake, Position, Table, verify_archive};

/// What the proxy does with what passes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
enum Weather {
    Well,
    Slow,
    Erring,
    /// Half of the answers are lost on the way, after the store did what was asked.
    Deaf,
    Away,
}

const ALL: [Weather; 5] = [Weather::Well, Weather::Slow, Weather::Erring, Weather::Deaf, Weather::Away];
/// How long a slow store takes for each piece of an answer.
const SLOW: Duration = Duration::from_millis(150);
const UNAVAILABLE: &[u8] = b"HTTP/1.1 503 Slow Down\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// A proxy in front of a server. It ends with the process.
struct Proxy {
    address: SocketAddr,
    weather: Arc<AtomicU8>,
}

impl Proxy {
    fn before(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let weather = Arc::new(AtomicU8::new(Weather::Well as u8));
        let (server, sky) = (server.trim_start_matches("http://").to_owned(), Arc::clone(&weather));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (server, sky) = (server.clone(), Arc::clone(&sky));
                std::thread::spawn(move || pass(stream, &server, &sky));
            }
        });
        Self { address, weather }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn set(&self, weather: Weather) {
        self.weather.store(weather as u8, Ordering::SeqCst);
    }
}

fn now(sky: &AtomicU8) -> Weather {
    ALL[usize::from(sky.load(Ordering::SeqCst))]
}

/// Passes a connection on, as the weather is at each piece of it.
fn pass(mut client: TcpStream, server: &str, sky: &Arc<AtomicU8>) {
    if now(sky) == Weather::Away {
        return;
    }
    let Ok(mut upstream) = TcpStream::connect(server) else { return };
    let (mut answers, mut back, answer_sky) =
        (upstream.try_clone().unwrap(), client.try_clone().unwrap(), Arc::clone(sky));
    let answering = std::thread::spawn(move || {
        let mut lost = false;
        relay(&mut answers, &mut back, |_| {
            lost = !lost;
            match now(&answer_sky) {
                Weather::Away => false,
                Weather::Deaf => !lost,
                Weather::Slow => {
                    std::thread::park_timeout(SLOW);
                    true
                }
                Weather::Well | Weather::Erring => true,
            }
        });
    });
    let mut refusal = client.try_clone().unwrap();
    relay(&mut client, &mut upstream, |_| match now(sky) {
        Weather::Away => false,
        Weather::Erring => {
            // Who asked may be gone already.
            let _ = refusal.write_all(UNAVAILABLE);
            false
        }
        Weather::Well | Weather::Slow | Weather::Deaf => true,
    });
    answering.join().unwrap();
}

/// Hands on what comes as long as `goes` says so; then both ends are closed.
fn relay(from: &mut TcpStream, to: &mut TcpStream, mut goes: impl FnMut(&[u8]) -> bool) {
    let mut piece = vec![0; 1 << 16];
    while let Ok(len @ 1..) = from.read(&mut piece) {
        if !goes(&piece[..len]) || to.write_all(&piece[..len]).is_err() {
            break;
        }
    }
    for stream in [from, to] {
        // It may be closed already.
        let _ = stream.shutdown(std::net::Shutdown::Both);
    }
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// Lets the weather change as the dice say while `work` is under way, then the store stay away; `work` goes on until it is told that
/// the weather is well again, and a little longer.
#[expect(clippy::print_stdout, reason = "says how long recovery took")]
fn through_bad_weather(proxy: &Proxy, what: &str, work: impl FnOnce(&AtomicBool) + Send) {
    let (seed, away) = (number("YAGURA_SEED", 7), Duration::from_secs(number("YAGURA_AWAY_SECONDS", 3)));
    let mut dice = Dice(seed);
    let (well_again, pause) = (AtomicBool::new(false), std::thread::park_timeout);
    std::thread::scope(|scope| {
        let working = scope.spawn(|| work(&well_again));
        for _ in 0..10 {
            proxy.set(ALL[dice.below(ALL.len() as u64) as usize]);
            pause(Duration::from_millis(400));
        }
        proxy.set(Weather::Away);
        pause(away);
        assert!(!working.is_finished(), "{what} ended while the store was away");
        let well = Instant::now();
        proxy.set(Weather::Well);
        well_again.store(true, Ordering::SeqCst);
        working.join().unwrap();
        println!("{what}: YAGURA_SEED={seed}, away for {away:?}, done {:?} after it came back", well.elapsed());
    });
}

#[test]
fn a_lake_on_a_store_that_errs_is_slow_and_away_has_each_row_once() {
    let Some((server, bucket)) = location() else { return };
    let proxy = Proxy::before(&server);
    let endpoint = proxy.url();
    let url = format!("s3://{bucket}/{}", prefix("lake-away"));
    let settings = settings(&endpoint);
    let lake = Lake::open_with(&url, 0, &settings).unwrap();
    let mut batches = 0;
    through_bad_weather(&proxy, "the lake", |well_again| {
        while batches == 0 || !well_again.load(Ordering::SeqCst) {
            let n = batches;
            let (batch, through) = (rows(Table::Events, n * 5..n * 5 + 5), Position(n * 5 + 4));
            // The server does the same: a flush that fails is tried again until it succeeds.
            while lake.append(Table::Events, &batch, through).is_err() {
                std::thread::park_timeout(Duration::from_millis(100));
            }
            batches += 1;
        }
    });
    assert!(batches > 1);
    assert_eq!(keys(&lake.scan(Table::Events, &all()).unwrap()), wanted(0..batches * 5));
    let again = Lake::open_with(&url, 0, &settings).unwrap();
    assert_eq!(keys(&again.scan(Table::Events, &all()).unwrap()), wanted(0..batches * 5));
}

#[test]
fn an_archive_on_a_store_that_errs_is_slow_and_away_is_whole_in_the_end() {
    let Some((server, bucket)) = location() else { return };
    let proxy = Proxy::before(&server);
    let endpoint = proxy.url();
    let objects: Arc<dyn Objects> =
        open_with(&format!("s3://{bucket}/{}", prefix("archive-away")), &settings(&endpoint)).unwrap();
    let (_disk, vault) = filled(2_800);
    let options = options();
    let key = options.key.verifying_key();
    let mut archiver = Archiver::new(vault.reader(), Arc::clone(&objects), &options.origin, options.key).unwrap();
    through_bad_weather(&proxy, "the archive", |well_again| {
        loop {
            match archiver.round(None) {
                Ok(round) if !round.progressed && well_again.load(Ordering::SeqCst) => break,
                Ok(round) if round.progressed => {}
                Ok(_) | Err(_) => std::thread::park_timeout(Duration::from_millis(100)),
            }
        }
    });
    let records = archiver.archived().records;
    assert!(records > 2_000, "{records} of 2,800 records are archived");
    let verified = verify_archive(objects, &key, &mut |_| {}, &mut |_| {}).unwrap();
    assert_eq!(verified.records, records);
}

fn settings(endpoint: &str) -> [(&str, &str); 4] {
    [
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", "us-east-1"),
    ]
}
