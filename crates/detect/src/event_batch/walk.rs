//! The way through one event: from its JSON text straight into columns.
//!
//! Not a reader of JSON (that is serde_json, whose limits and errors these are), and no tree but for two kinds of map: those that are
//! asked for as a whole, and those that may name their values by an attribute. An object that has a key twice is left to a tree, too:
//! there the last one counts.

use super::EVENT_FIELDS_MAX;
use super::paths::{PathId, Paths, Target};
use super::rows::{Rows, Single};
use super::windows::each_value;
use core::fmt;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Why the walk ended early.
pub(super) enum Stop {
    /// The event is beyond a limit, or no object.
    Refused(String),
    /// An object has a key twice.
    KeyTwice,
}

/// The walk through one event.
pub(super) struct Walk<'a> {
    paths: &'a mut Paths,
    rows: &'a mut Rows,
    fields: usize,
    pub(super) stop: Option<Stop>,
}

impl<'a> Walk<'a> {
    pub(super) const fn new(paths: &'a mut Paths, rows: &'a mut Rows) -> Self {
        Self { paths, rows, fields: 0, stop: None }
    }

    /// Walks through an event.
    pub(super) fn event<'de, D: Deserializer<'de>>(&mut self, event: D) -> Result<(), D::Error> {
        At { walk: self, path: PathId::ROOT }.deserialize(event)
    }

    fn stopped<E: Error>(&mut self, stop: Stop) -> E {
        self.stop = Some(stop);
        E::custom("stopped")
    }

    /// Goes to a key of `object` at a path, behind the key before.
    fn enter<E: Error>(&mut self, object: u64, place: (PathId, PathId), key: &str) -> Result<PathId, E> {
        self.paths.enter(object, place, key).ok_or_else(|| self.stopped(Stop::KeyTwice))
    }

    /// Takes a single value at a path.
    fn single<E: Error>(&mut self, path: PathId, value: Single<'_>) -> Result<(), E> {
        if path == PathId::ROOT {
            return Err(self.stopped(Stop::Refused("not a JSON object".to_owned())));
        }
        self.fields = self.fields.saturating_add(1);
        if self.fields > EVENT_FIELDS_MAX {
            return Err(self.stopped(Stop::Refused(format!("more than {EVENT_FIELDS_MAX} values"))));
        }
        let uses = self.paths.uses(path);
        for to in uses.path.into_iter().chain(uses.plain.map(Target::Column)) {
            if let Err(reason) = self.rows.push(to, value, || self.paths.name(path)) {
                return Err(self.stopped(Stop::Refused(reason)));
            }
        }
        Ok(())
    }

    /// Takes what a map that had to become a tree is for itself.
    fn tree(&mut self, path: PathId, map: &Map<String, Value>) -> Result<(), String> {
        let uses = self.paths.uses(path);
        let Self { paths, rows, .. } = self;
        if let Some(column) = uses.map {
            let text = serde_json::to_string(map).unwrap_or_default();
            rows.push(Target::Column(column), Single::Text(&text), || paths.name(path))?;
        }
        if uses.is_data {
            each_value(paths.key(path), map, &mut |name, value| match paths.names().get(name) {
                Some(column) => rows.push(Target::Column(*column), single_of(value), || name.to_owned()),
                None => Ok(()),
            })?;
        }
        Ok(())
    }
}

/// A value of a tree that is no map and no list.
fn single_of(value: &Value) -> Single<'_> {
    match value {
        Value::Bool(truth) => Single::Bool(*truth),
        Value::String(text) => Single::Text(text),
        Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
            (Some(number), ..) => Single::Unsigned(number),
            (_, Some(number), _) => Single::Signed(number),
            (_, _, number) => Single::Float(number.unwrap_or_default()),
        },
        Value::Null | Value::Array(_) | Value::Object(_) => Single::Null,
    }
}

/// A value at a path.
struct At<'w, 'a> {
    walk: &'w mut Walk<'a>,
    path: PathId,
}

impl<'de> DeserializeSeed<'de> for At<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for At<'_, '_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.walk.single(self.path, Single::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.walk.single(self.path, Single::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.walk.single(self.path, Single::Unsigned(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.walk.single(self.path, Single::Signed(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.walk.single(self.path, Single::Float(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.walk.single(self.path, Single::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Self { walk, path } = self;
        if path == PathId::ROOT {
            return Err(walk.stopped(Stop::Refused("not a JSON object".to_owned())));
        }
        while items.next_element_seed(At { walk: &mut *walk, path })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { walk, path } = self;
        let object = walk.paths.object();
        let mut before = PathId::ROOT;
        let uses = walk.paths.uses(path);
        if uses.map.is_some() || uses.is_data {
            let tree = Map::deserialize(MapAccessDeserializer::new(map))?;
            if let Err(reason) = walk.tree(path, &tree) {
                return Err(walk.stopped(Stop::Refused(reason)));
            }
            for (key, value) in &tree {
                before = walk.enter(object, (path, before), key)?;
                At { walk: &mut *walk, path: before }.deserialize(value).map_err(A::Error::custom)?;
            }
            return Ok(());
        }
        while let Some(entered) = map.next_key_seed(Key { walk: &mut *walk, object, path, before })? {
            before = entered;
            map.next_value_seed(At { walk: &mut *walk, path: before })?;
        }
        Ok(())
    }
}

/// A key of `object` at a path, behind the key before.
struct Key<'w, 'a> {
    walk: &'w mut Walk<'a>,
    object: u64,
    path: PathId,
    before: PathId,
}

impl<'de> DeserializeSeed<'de> for Key<'_, '_> {
    type Value = PathId;

    fn deserialize<D: Deserializer<'de>>(self, key: D) -> Result<PathId, D::Error> {
        key.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_, '_> {
    type Value = PathId;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<PathId, E> {
        self.walk.enter(self.object, (self.path, self.before), key)
    }
}
