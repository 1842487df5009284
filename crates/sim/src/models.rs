//! The vehicles that a simulated fleet is made of: for each, what its sensor knows and what its bus carries.
//!
//! Not a catalogue of real products: a model is a capture with a name. The built-in ones come from `testdata/captures` (where
//! they come from and under which licence is written there) and are part of the binary. Invariant: a profile is learned from
//! another part of the traffic than the one that is replayed. Cost: learning all of them takes well under a second, once.

use crate::recording::{Recording, RecordingError};
use std::sync::Arc;
use thiserror::Error;
use yagura_capture::{ReadError, Reader};
use yagura_model::{Frame, Name, NameError};
use yagura_profile::{DbcError, LearnError, Settings, StateDecoder, learn};

/// Why a model cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A capture cannot be read.
    #[error("capture of model {model}")]
    Capture {
        /// Which model.
        model: &'static str,
        /// Why.
        #[source]
        source: ReadError,
    },
    /// Nothing can be learned from the clean traffic.
    #[error("profile of model {model}")]
    Learn {
        /// Which model.
        model: &'static str,
        /// Why.
        #[source]
        source: LearnError,
    },
    /// The traffic cannot be replayed.
    #[error("recording of model {model}")]
    Recording {
        /// Which model.
        model: &'static str,
        /// Why.
        #[source]
        source: RecordingError,
    },
    /// The signals cannot be read.
    #[error("signals of model {model}")]
    Dbc {
        /// Which model.
        model: &'static str,
        /// Why.
        #[source]
        source: DbcError,
    },
    /// The sensor's name is none.
    #[error("sensor of model {model}")]
    Sensor {
        /// Which model.
        model: &'static str,
        /// Why.
        #[source]
        source: NameError,
    },
}

/// What all vehicles of one model share.
#[derive(Debug)]
pub struct Model {
    /// What people call it.
    pub name: &'static str,
    /// What the names of its vehicles begin with.
    pub prefix: &'static str,
    /// What its sensor is called: where it taps the vehicle.
    pub sensor: Name,
    /// What its sensor knows of clean traffic.
    pub profile: Vec<u8>,
    /// What its vehicles' buses carry.
    pub recordings: Vec<Arc<Recording>>,
    /// Which signals tell what the vehicle is doing, if any.
    pub state: Option<StateDecoder>,
}

/// A built-in model as bytes.
struct Source {
    name: &'static str,
    prefix: &'static str,
    sensor: &'static str,
    learn: &'static [u8],
    replay: &'static [&'static [u8]],
    dbc: Option<&'static str>,
}

macro_rules! capture {
    ($path:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/captures/", $path)).as_slice()
    };
}

macro_rules! dbc {
    ($path:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/captures/dbc/", $path))
    };
}

static BUILTIN: [Source; 5] = [
    Source {
        name: "Car with OBD-II tap",
        prefix: "obd",
        sensor: "obd-tap",
        learn: capture!("gnss-drive/learn.log.gz"),
        replay: &[capture!("gnss-drive/replay.log.gz")],
        dbc: Some(dbc!("gnss-drive.dbc")),
    },
    Source {
        name: "Tesla Model 3",
        prefix: "tm3",
        sensor: "vehicle-bus",
        learn: capture!("tesla-model-3/learn.log.gz"),
        replay: &[capture!("tesla-model-3/replay-1.log.gz"), capture!("tesla-model-3/replay-2.log.gz")],
        dbc: None,
    },
    Source {
        name: "Hyundai Kona EV 2020",
        prefix: "kona20",
        sensor: "heat-pump",
        learn: capture!("kona-ev/compressor-learn.log.gz"),
        replay: &[capture!("kona-ev/compressor-replay.log.gz")],
        dbc: None,
    },
    Source {
        name: "Hyundai Kona EV 2021",
        prefix: "kona21",
        sensor: "epcu",
        learn: capture!("kona-ev/epcu-learn.log.gz"),
        replay: &[capture!("kona-ev/epcu-replay.log.gz")],
        dbc: Some(dbc!("kona-ev.dbc")),
    },
    Source {
        name: "Hyundai Kona EV 2021",
        prefix: "kona21p",
        sensor: "p-can",
        learn: capture!("kona-ev/p-can-learn.log.gz"),
        replay: &[capture!("kona-ev/p-can-replay.log.gz")],
        dbc: None,
    },
];

impl Model {
    /// The models that are part of this program, their profiles freshly learned.
    ///
    /// # Errors
    /// [`ModelError`] if a shipped capture is damaged.
    pub fn builtin() -> Result<Vec<Arc<Self>>, ModelError> {
        BUILTIN.iter().map(|source| Self::load(source).map(Arc::new)).collect()
    }

    fn load(source: &Source) -> Result<Self, ModelError> {
        let model = source.name;
        let clean = frames(model, source.learn)?;
        let learned = learn(clean, &Settings { ids_max: crate::sensor::PROFILE_IDS_MAX, ..Settings::default() })
            .map_err(|source| ModelError::Learn { model, source })?;
        let recording = |bytes: &&[u8]| {
            let frames = frames(model, bytes)?;
            let recording = Recording::new(frames).map_err(|source| ModelError::Recording { model, source })?;
            let protected = learned.protections.iter().filter(|protection| !protection.checksums.is_empty());
            Ok(Arc::new(recording.with_protected(protected.map(|protection| (protection.bus, protection.id)))))
        };
        let state = source.dbc.map(StateDecoder::from_dbc).transpose();
        Ok(Self {
            name: model,
            prefix: source.prefix,
            sensor: Name::new(source.sensor).map_err(|source| ModelError::Sensor { model, source })?,
            profile: learned.encode(),
            recordings: source.replay.iter().map(recording).collect::<Result<_, _>>()?,
            state: state.map_err(|source| ModelError::Dbc { model, source })?,
        })
    }
}

fn frames(model: &'static str, bytes: &[u8]) -> Result<Vec<Frame>, ModelError> {
    Reader::new(bytes).collect::<Result<_, _>>().map_err(|source| ModelError::Capture { model, source })
}
