//! An object store in memory that can be away, err now and then, and lose answers of what it did.
//!
//! Invariant: an object is there whole or not at all, like in a real one.

use crate::sim_disk::Dice;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};
use yagura_model::UnixMicros;
use yagura_store::objects::{Locked, Object, Objects, ObjectsError, Put};

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<String, Vec<u8>>,
    away: bool,
    /// Of a hundred calls so many fail, half of them after they were done.
    failing: u64,
    dice: Option<Dice>,
    locked: BTreeMap<String, UnixMicros>,
    calls: u64,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct SimObjects(Arc<Mutex<State>>);

impl SimObjects {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(crate) fn arc(&self) -> Arc<dyn Objects> {
        Arc::new(self.clone())
    }

    pub(crate) fn go_away(&self, away: bool) {
        self.state().away = away;
    }

    pub(crate) fn fail(&self, percent: u64, seed: u64) {
        let mut state = self.state();
        (state.failing, state.dice) = (percent, Some(Dice(seed)));
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        self.state().objects.keys().cloned().collect()
    }

    pub(crate) fn bytes(&self, key: &str) -> Vec<u8> {
        self.state().objects[key].clone()
    }

    pub(crate) fn set(&self, key: &str, bytes: Vec<u8>) {
        self.state().objects.insert(key.to_owned(), bytes);
    }

    pub(crate) fn locked(&self) -> usize {
        self.state().locked.len()
    }

    /// Does it, unless the store is away or fails before; fails behind it if an answer gets lost.
    fn call<T>(&self, what: &'static str, key: &str, work: impl FnOnce(&mut State) -> T) -> Result<T, ObjectsError> {
        let failed = |why: &str| ObjectsError::Failed { what, key: key.to_owned(), source: why.into() };
        let mut state = self.state();
        state.calls += 1;
        if state.away {
            return Err(failed("the store is away"));
        }
        let failing = state.failing;
        let roll = state.dice.as_mut().map_or(u64::MAX, |dice| dice.below(200));
        if roll < failing {
            return Err(failed("503"));
        }
        let done = work(&mut state);
        if roll < 2 * failing { Err(failed("the answer was lost")) } else { Ok(done) }
    }
}

impl Objects for SimObjects {
    fn put(&self, key: &str, bytes: &[u8]) -> Result<(), ObjectsError> {
        self.call("put", key, |state| drop(state.objects.insert(key.to_owned(), bytes.to_vec())))
    }

    fn put_if_absent(&self, key: &str, bytes: &[u8]) -> Result<Put, ObjectsError> {
        self.call("put", key, |state| {
            if state.objects.contains_key(key) {
                return Put::Exists;
            }
            state.objects.insert(key.to_owned(), bytes.to_vec());
            Put::Done
        })
    }

    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, ObjectsError> {
        self.call("get", key, |state| state.objects.get(key).cloned())
    }

    fn get_range(&self, key: &str, range: Range<u64>) -> Result<Option<Vec<u8>>, ObjectsError> {
        self.call("get", key, |state| {
            let bytes = state.objects.get(key)?;
            let end = (range.end as usize).min(bytes.len());
            Some(bytes[(range.start as usize).min(end)..end].to_vec())
        })
    }

    fn size(&self, key: &str) -> Result<Option<u64>, ObjectsError> {
        self.call("look at", key, |state| state.objects.get(key).map(|bytes| bytes.len() as u64))
    }

    fn list(&self, dir: &str) -> Result<Vec<Object>, ObjectsError> {
        let prefix = format!("{dir}/");
        self.call("list", dir, |state| {
            let inside = state.objects.iter().filter(|(key, _)| dir.is_empty() || key.starts_with(&prefix));
            inside.map(|(key, bytes)| Object { key: key.clone(), size: bytes.len() as u64 }).collect()
        })
    }

    fn delete(&self, key: &str) -> Result<(), ObjectsError> {
        self.call("delete", key, |state| drop(state.objects.remove(key)))
    }

    fn lock_until(&self, key: &str, until: UnixMicros) -> Result<Locked, ObjectsError> {
        self.call("lock", key, |state| {
            state.locked.insert(key.to_owned(), until);
            Locked::Yes
        })
    }
}
