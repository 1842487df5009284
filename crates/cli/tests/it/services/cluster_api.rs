//! What people and scrapers see of a cluster: alerts that workers raise, live in every console; evidence of any partition; rows within
//! seconds; one session for all processes; metrics of each role.

use super::cluster_world::{PARTITIONS, Part, World};
use super::service;
use crate::crash::{wait_until, with_state_at};
use crate::fleet::Fleet;
use crate::process::Server;
use crate::telemetry::{scrape, tells_what_is_wanted};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use yagura_server::clock;
use yagura_sim::FleetPlan;

#[test]
fn people_see_a_cluster_as_they_see_one_server() {
    let Some(kafka) = service("YAGURA_TEST_KAFKA", "kafka") else { return };
    let Some(postgres) = service("YAGURA_TEST_POSTGRES", "postgres") else { return };
    let world = World::new(kafka, &postgres);
    let gate = world.start(Part::Gate);
    let workers: Vec<Server> = (0..2).map(|number| world.start(Part::Worker(number))).collect();
    let apis: Vec<Server> = (0..2).map(|_| world.start(Part::Api)).collect();
    // Signed in at one, known at the other.
    let person = Person::sign_in(&apis[0]);
    let other = Person { host: host(apis[1].announcement.console.as_deref()), ..person.clone() };
    assert_eq!(other.get("/api/v1/me").1["user"], "operator");
    let (here, there) = (person.stream(), other.stream());
    let plan = FleetPlan {
        vehicles: 6,
        seed: 9,
        attacked_permille: 1_000,
        attack_after: 1,
        attack_every: 4,
        attack_length: 3,
    };
    let fleet = Fleet::of(&gate, world.dir.path(), world.state(), plan);
    let (alert, seen) = next_alert(&here, |_| true);
    let id = alert["id"].as_str().unwrap().to_owned();
    let late = seen - raised(&world, &id);
    eprintln!("an alert was on the stream {} ms after it was written", late / 1_000);
    next_alert(&there, |alert| alert["id"] == id);
    look_at_the_alert(&person, &other, &id, &there);
    look_at_rows(&person, &alert);
    metrics_of(&gate, &workers, &apis);
    fleet.stop();
    apis.into_iter().chain(workers).chain([gate]).for_each(Server::stop);
}

/// The alert's page explains it with evidence of its partition; what one does with it the other sees at once.
fn look_at_the_alert(person: &Person, other: &Person, id: &str, there: &Receiver<(Value, i64)>) {
    let (status, page) = other.get(&format!("/api/v1/alerts/{id}"));
    assert_eq!(status, 200, "{page}");
    assert!(page["why"]["en"].as_str().unwrap().contains("UTC"), "{page}");
    let reference = &page["evidence"][0];
    assert!(!page["events"].as_array().unwrap().is_empty() && reference["sha256"].is_string(), "{page}");
    let (status, record) = person.get(&format!("/api/v1/evidence/{}", reference["position"]));
    assert_eq!((status, record["signature"].as_str()), (200, Some("valid")), "{record}");
    assert!(record["proof"].is_object() != record["archived"].is_u64(), "{record}");
    let (status, _) = person.post(&format!("/api/v1/alerts/{id}/status"), &json!({ "status": "acknowledged" }));
    assert_eq!(status, 200);
    next_alert(there, |alert| alert["id"] == id && alert["status"] == "acknowledged");
}

/// Events of a vehicle are in its time line a few seconds after they were judged.
fn look_at_rows(person: &Person, alert: &Value) {
    let Some(vehicle) = alert["vehicle"].as_str() else { return };
    let judged = Instant::now();
    let path = format!("/api/v1/vehicles/{vehicle}/timeline");
    wait_until("rows of the vehicle", || !person.get(&path).1["events"].as_array().is_none_or(Vec::is_empty));
    eprintln!("rows were seen {} ms after their alert", judged.elapsed().as_millis());
    let sql = json!({ "sql": "SELECT count(*) AS n FROM events" });
    let (status, answer) = person.post("/api/v1/query", &sql);
    assert!(status == 501 || answer["rows"][0]["n"].as_u64() > Some(0), "{answer}");
}

fn metrics_of(gate: &Server, workers: &[Server], apis: &[Server]) {
    let scraped = |server: &Server| {
        let text = scrape(host(server.announcement.status.as_deref()).parse().unwrap());
        tells_what_is_wanted(&text);
        text
    };
    let text = scraped(gate);
    assert!(value_of(&text, "yagura_gate_reports_accepted_total") > 0.0 && !text.contains("yagura_partition_stage{"));
    let texts = || workers.iter().map(scraped).collect::<Vec<_>>();
    let working = |text: &String| text.matches("stage=\"working\"").count();
    wait_until("all partitions at work", || texts().iter().map(working).sum::<usize>() >= usize::from(PARTITIONS));
    wait_until("the length of the log", || {
        let sum = |name: &str| texts().iter().map(|text| value_of(text, name)).sum::<f64>();
        sum("yagura_log_records{") > 0.0
            && sum("yagura_pipeline_position{") > 0.0
            && sum("yagura_partition_epoch{") > 0.0
    });
    for api in apis {
        let text = scraped(api);
        assert!(text.contains("yagura_lake_version{table="), "{text}");
        // The console's own port tells the same.
        tells_what_is_wanted(&scrape(host(api.announcement.console.as_deref()).parse().unwrap()));
    }
}

/// The sum of all series that begin so.
fn value_of(text: &str, series: &str) -> f64 {
    let lines = text.lines().filter(|line| line.starts_with(series));
    lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
}

/// When the alert was written to the state.
fn raised(world: &World, id: &str) -> i64 {
    with_state_at(&world.state(), async |state, _| {
        let rows = state.alerts_raised_since(yagura_model::UnixMicros(0), 1_000).await.unwrap();
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        rows.iter().find(|(_, row, _)| hex(&row.alert_id) == id).map_or(i64::MAX, |(_, row, _)| row.raised_us)
    })
}

/// The next alert of a stream that is as wanted, and when it came.
fn next_alert(stream: &Receiver<(Value, i64)>, wanted: impl Fn(&Value) -> bool) -> (Value, i64) {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let (alert, at) = stream.recv_timeout(left).unwrap();
        if wanted(&alert) {
            return (alert, at);
        }
    }
}

/// `HOST:PORT` of an address.
fn host(url: Option<&str>) -> String {
    url.unwrap().trim_start_matches("http://").to_owned()
}

/// Somebody at a console.
#[derive(Clone)]
struct Person {
    host: String,
    cookie: String,
}

impl Person {
    fn sign_in(api: &Server) -> Self {
        let host = host(api.announcement.console.as_deref());
        let (_, token) = api.announcement.sign_in.as_deref().unwrap().split_once("#token=").unwrap();
        let stranger = Self { host, cookie: String::new() };
        let (head, _) = stranger.ask("POST", "/api/v1/sign-in", &json!({ "token": token }).to_string());
        let line = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
        Self { cookie: line.split(';').next().unwrap().to_owned(), ..stranger }
    }

    fn get(&self, path: &str) -> (u16, Value) {
        answer(&self.ask("GET", path, ""))
    }

    fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        answer(&self.ask("POST", path, &body.to_string()))
    }

    fn send(&self, method: &str, path: &str, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.host).unwrap();
        let head =
            format!("{method} {path} HTTP/1.1\r\nhost: {}\r\ncookie: {}\r\nconnection: close", self.host, self.cookie);
        let length = body.len();
        write!(stream, "{head}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
        stream
    }

    /// Head and body of the answer.
    fn ask(&self, method: &str, path: &str, body: &str) -> (String, String) {
        let mut answer = String::new();
        self.send(method, path, body).read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }

    /// Alerts as they come, and when.
    fn stream(&self) -> Receiver<(Value, i64)> {
        let (told, heard) = channel();
        let lines = BufReader::new(self.send("GET", "/api/v1/stream", "")).lines();
        std::thread::spawn(move || {
            let mut is_alert = false;
            for line in lines.map_while(Result::ok) {
                match (line.split_once(": "), is_alert) {
                    (Some(("event", kind)), _) => is_alert = kind == "alert",
                    (Some(("data", data)), true) => {
                        let Ok(alert) = serde_json::from_str(data) else { return };
                        if told.send((alert, clock::now().0)).is_err() {
                            return;
                        }
                    }
                    _ => {}
                }
            }
        });
        heard
    }
}

fn answer((head, body): &(String, String)) -> (u16, Value) {
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    // What is small or has a length is not sent in pieces.
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}
