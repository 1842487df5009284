//! The paths of events' keys as a tree: where the value below a key goes is worked out when the key is seen for the first time.
//!
//! Not the values. Events of one source have their keys in one order, so the key that came next in the last object is tried before any
//! hash: a known key costs one comparison of its bytes. Bounds: from [`PATHS_MAX`] keys or [`KEY_BYTES_MAX`] bytes of them on, the next
//! event begins with an empty tree.

use super::windows::{Plain, plain};
use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashTable};
use std::hash::BuildHasher;

/// The most keys that are remembered.
const PATHS_MAX: usize = 1 << 16;
/// The most bytes of keys that are remembered.
const KEY_BYTES_MAX: usize = 16 << 20;

/// A key below a path.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct PathId(u32);

impl PathId {
    /// The event itself.
    pub(super) const ROOT: Self = Self(0);
}

/// Where values of a path go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Target {
    /// The n-th column.
    Column(usize),
    /// Among the values of fields that no rule names.
    Others,
}

/// What becomes of the value of a path.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Uses {
    /// Where single values go by their path.
    pub(super) path: Option<Target>,
    /// Where they go by a plain name, too.
    pub(super) plain: Option<usize>,
    /// Where the JSON text of a map goes.
    pub(super) map: Option<usize>,
    /// Whether a map may name its values by an attribute.
    pub(super) is_data: bool,
}

struct Path {
    key: Box<str>,
    above: PathId,
    uses: Uses,
    /// The first key of the last object here, and the key that came behind this one.
    first: PathId,
    next: PathId,
    /// The last object that had this key.
    seen: u64,
}

/// The paths seen so far.
pub(super) struct Paths {
    names: HashMap<String, usize>,
    /// Whether a rule searches in every field.
    keeps_all: bool,
    paths: Vec<Path>,
    index: HashTable<u32>,
    hasher: FixedState,
    key_bytes: usize,
    objects: u64,
}

impl Paths {
    /// For columns of these names.
    pub(super) fn new(names: HashMap<String, usize>, keeps_all: bool) -> Self {
        let mut new = Self {
            names,
            keeps_all,
            paths: Vec::new(),
            index: HashTable::new(),
            hasher: FixedState::default(),
            key_bytes: 0,
            objects: 0,
        };
        new.clear();
        new
    }

    fn clear(&mut self) {
        self.index = HashTable::new();
        self.paths = Vec::new();
        self.key_bytes = 0;
        self.add(PathId::ROOT, "", Uses::default());
    }

    /// Before an event: forgets the paths if they are too many.
    pub(super) fn make_room(&mut self) {
        if self.paths.len() > PATHS_MAX || self.key_bytes > KEY_BYTES_MAX {
            self.clear();
        }
    }

    /// The names of the columns and their places.
    pub(super) const fn names(&self) -> &HashMap<String, usize> {
        &self.names
    }

    /// A number for an object that begins.
    pub(super) const fn object(&mut self) -> u64 {
        self.objects = self.objects.wrapping_add(1);
        self.objects
    }

    pub(super) fn uses(&self, path: PathId) -> Uses {
        self.at(path).map_or_else(Uses::default, |path| path.uses)
    }

    fn at(&self, path: PathId) -> Option<&Path> {
        self.paths.get(path.0 as usize)
    }

    fn at_mut(&mut self, path: PathId) -> Option<&mut Path> {
        self.paths.get_mut(path.0 as usize)
    }

    /// The path of a key of `object` below `above`, whose key before was `before` ([`PathId::ROOT`] for none); `None` if the object
    /// has had the key already.
    pub(super) fn enter(&mut self, object: u64, (above, before): (PathId, PathId), key: &str) -> Option<PathId> {
        let guess = if before == PathId::ROOT {
            self.at(above).map_or(PathId::ROOT, |path| path.first)
        } else {
            self.at(before).map_or(PathId::ROOT, |path| path.next)
        };
        let known = guess != PathId::ROOT && self.at(guess).is_some_and(|path| *path.key == *key);
        let found = if known { guess } else { self.look_up(above, before, key) };
        let path = self.at_mut(found)?;
        (core::mem::replace(&mut path.seen, object) != object).then_some(found)
    }

    fn look_up(&mut self, above: PathId, before: PathId, key: &str) -> PathId {
        let hash = self.hasher.hash_one((above.0, key));
        let is = |id: &u32| self.at(PathId(*id)).is_some_and(|path| path.above == above && *path.key == *key);
        let found = match self.index.find(hash, is) {
            Some(id) => PathId(*id),
            None => self.add(above, key, self.work_out(above, key)),
        };
        if before == PathId::ROOT {
            self.at_mut(above).into_iter().for_each(|path| path.first = found);
        } else {
            self.at_mut(before).into_iter().for_each(|path| path.next = found);
        }
        found
    }

    fn add(&mut self, above: PathId, key: &str, uses: Uses) -> PathId {
        let id = u32::try_from(self.paths.len()).unwrap_or(u32::MAX);
        let (first, next) = (PathId::ROOT, PathId::ROOT);
        self.paths.push(Path { key: key.into(), above, uses, first, next, seen: 0 });
        self.key_bytes = self.key_bytes.saturating_add(key.len());
        if id != PathId::ROOT.0 {
            let (hasher, paths) = (&self.hasher, &self.paths);
            let rehash =
                |id: &u32| paths.get(*id as usize).map_or(0, |path| hasher.hash_one((path.above.0, &*path.key)));
            self.index.insert_unique(hasher.hash_one((above.0, key)), id, rehash);
        }
        PathId(id)
    }

    /// The keys from the event down to a path.
    fn keys(&self, path: PathId) -> Vec<&str> {
        let up = |path: &PathId| self.at(*path).map(|path| path.above).filter(|above| *above != PathId::ROOT);
        let way = core::iter::successors(Some(path).filter(|path| *path != PathId::ROOT), up);
        let mut keys: Vec<&str> = way.filter_map(|path| self.at(path)).map(|path| &*path.key).collect();
        keys.reverse();
        keys
    }

    /// The last key of a path.
    pub(super) fn key(&self, path: PathId) -> &str {
        self.at(path).map_or("", |path| &path.key)
    }

    /// A path in words: its keys with dots between them.
    pub(super) fn name(&self, path: PathId) -> String {
        self.keys(path).join(".")
    }

    /// What becomes of values below a key that is new.
    fn work_out(&self, above: PathId, key: &str) -> Uses {
        let mut keys = self.keys(above);
        keys.push(key);
        let column = self.names.get(&keys.join(".")).copied();
        let (plain, is_data) = match plain(&keys) {
            Some(Plain::Element(name)) => (self.names.get(name.as_str()).copied(), false),
            Some(Plain::Data(name)) => (self.names.get(name).copied(), true),
            None => (None, false),
        };
        let others = self.keeps_all.then_some(Target::Others);
        Uses { path: column.map(Target::Column).or(others), plain, map: column, is_data }
    }
}
