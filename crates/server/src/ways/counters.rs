//! What the ways in count: so that nothing that came is lost in silence.
//!
//! Not the gate's counts. They start at zero with the process. Cost: one atomic addition a happening.

use crate::counted::counted;
use std::sync::atomic::{AtomicU64, Ordering};

counted! {
    /// A kind of happening at the ways in.
    pub enum Counted {
        /// The connection to the broker came up.
        MqttConnected = "mqtt_connections",
        /// The connection to the broker broke, or could not be made.
        MqttDisconnected = "mqtt_disconnections",
        /// A report over MQTT became durable and its receipt was published.
        MqttReport = "mqtt_reports_accepted",
        /// A report over MQTT that was there already; its receipt was published again.
        MqttRepeated = "mqtt_reports_repeated",
        /// A report over MQTT was refused for good.
        MqttRefused = "mqtt_reports_refused",
        /// A publication under a topic that is nobody's.
        MqttNobody = "mqtt_publications_of_nobody",
        /// The intake did not take a report; it is tried again, and the broker holds back meanwhile.
        MqttWaited = "mqtt_reports_waited",
        /// A frame of a foreign sensor became durable.
        IdsrFrame = "idsr_frames_accepted",
        /// A frame from an address or topic that no source names.
        IdsrUnknown = "idsr_frames_of_nobody",
        /// A frame above its sender's rate, or the whole listener's.
        IdsrOverRate = "idsr_frames_over_rate",
        /// A frame that came while the vault could not keep up or write.
        IdsrNotKept = "idsr_frames_not_kept",
        /// A stream that held no messages, or came from nobody.
        IdsrStreamRefused = "idsr_streams_refused",
        /// A request of log lines became durable.
        LogBatch = "log_batches_accepted",
        /// A log line that became a row.
        LogLine = "log_lines_accepted",
        /// A log line that is kept, but no row.
        LogLineUnreadable = "log_lines_unreadable",
        /// A request of log lines without a valid token.
        LogUnauthorised = "log_requests_unauthorised",
        /// A request of log lines that was refused for what it is.
        LogRefused = "log_requests_refused",
        /// A request of log lines that was turned away for now.
        LogBusy = "log_requests_turned_away",
    }
}

/// Counts of all kinds since the start.
#[derive(Debug, Default)]
pub struct Counters([AtomicU64; Counted::ALL.len()]);

impl Counters {
    /// How many of this kind there were.
    #[must_use]
    pub fn total(&self, kind: Counted) -> u64 {
        self.0.get(kind as usize).map_or(0, |count| count.load(Ordering::Relaxed))
    }

    pub(crate) fn add(&self, kind: Counted, count: u64) {
        if let Some(total) = self.0.get(kind as usize) {
            total.fetch_add(count, Ordering::Relaxed);
        }
    }

    pub(crate) fn count(&self, kind: Counted) {
        self.add(kind, 1);
    }
}
