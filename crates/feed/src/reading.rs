//! Documents under paths → what they hold, handed over in batches.
//!
//! Not the taking: one thread reads and parses here while another compiles. The channel between them is short, so memory is that of a few
//! batches and of the largest document.

use crate::content::{Content, HEAD_BYTES, tell};
use crate::documents::{Visitor, visit};
use std::io::{self, BufRead, Cursor, Read as _};
use std::path::PathBuf;
use std::sync::mpsc::SyncSender;
use yagura_psirt::advisory::{self, Advisory, Sink, is_foreign};
use yagura_psirt::component::Anomaly;

/// Advisories that are handed over at once.
const BATCH: usize = 64;
/// Lists that are read whole: KEV, EPSS, mappings. EPSS has some 15 MB.
const LIST_BYTES_MAX: u64 = 128 << 20;
/// No document of statements is larger.
const STATEMENTS_BYTES_MAX: u64 = 16 << 20;

/// What was read.
#[derive(Debug)]
pub(crate) enum Message {
    /// A document begins.
    Document(String),
    /// Advisories.
    Advisories(Vec<Advisory>),
    /// A list that is no advisory.
    List(Content, String),
    /// A document of statements.
    Statements { place: String, bytes: Vec<u8> },
    /// A document of no kind that is kept, and what it is.
    PassedOver { place: String, what: String },
    /// Something is wrong.
    Wrong { place: String, what: String },
}

/// Reads everything under paths. Ends early if nobody listens any more.
pub(crate) fn read_all(paths: &[PathBuf], to: SyncSender<Message>) {
    let mut reader = Reader { to, gone: false };
    for path in paths {
        visit(path, &mut reader);
    }
}

struct Reader {
    to: SyncSender<Message>,
    gone: bool,
}

impl Reader {
    fn send(&mut self, message: Message) -> io::Result<()> {
        self.gone |= self.to.send(message).is_err();
        if self.gone { Err(io::Error::other("the import has ended")) } else { Ok(()) }
    }
}

impl Visitor for Reader {
    fn document(&mut self, place: &str, bytes: &mut dyn BufRead) -> io::Result<()> {
        self.send(Message::Document(place.to_owned()))?;
        let mut head = Vec::new();
        bytes.take(HEAD_BYTES).read_to_end(&mut head)?;
        let content = tell(&head);
        let mut whole = Cursor::new(head).chain(bytes);
        match content {
            Content::Advisories => {
                let mut batch = Batch { reader: self, place, batch: Vec::new() };
                advisory::read(&mut whole, &mut batch)?;
                let rest = std::mem::take(&mut batch.batch);
                self.send(Message::Advisories(rest))
            }
            Content::Mapping | Content::Exploited | Content::Epss => {
                let mut text = String::new();
                whole.take(LIST_BYTES_MAX).read_to_string(&mut text)?;
                self.send(Message::List(content, text))
            }
            Content::Statements => {
                let mut bytes = Vec::new();
                whole.take(STATEMENTS_BYTES_MAX).read_to_end(&mut bytes)?;
                self.send(Message::Statements { place: place.to_owned(), bytes })
            }
            Content::Other(what) => self.send(Message::PassedOver { place: place.to_owned(), what: what.to_owned() }),
        }
    }

    fn trouble(&mut self, place: &str, error: &io::Error) {
        let _ = self.send(Message::Wrong { place: place.to_owned(), what: error.to_string() });
    }
}

struct Batch<'r> {
    reader: &'r mut Reader,
    place: &'r str,
    batch: Vec<Advisory>,
}

impl Sink for Batch<'_> {
    fn advisory(&mut self, advisory: Advisory) {
        self.batch.push(advisory);
        if self.batch.len() >= BATCH {
            let full = std::mem::take(&mut self.batch);
            let _ = self.reader.send(Message::Advisories(full));
        }
    }

    fn anomaly(&mut self, anomaly: Anomaly) {
        let message = if is_foreign(&anomaly) {
            Message::PassedOver { place: self.place.to_owned(), what: anomaly.what }
        } else {
            Message::Wrong { place: format!("{} {}", self.place, anomaly.place), what: anomaly.what }
        };
        let _ = self.reader.send(message);
    }
}
