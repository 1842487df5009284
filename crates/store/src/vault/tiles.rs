//! The Merkle tree as C2SP tlog-tiles: which tiles a tree has, how it grows, and how proofs are read from them.
//!
//! Not a file writer: it gives names and bytes to `publish`, and asks a function for bytes. Invariant: the tree of size n has
//! the root of RFC 6962 over the first n entries, and the tiles that the specification names. State: at most 255 hashes a
//! level and 255 entries, and the full tiles that nobody has written yet.

use super::record::{ENTRY_LEN, Entry, leaf_hash};
use super::tree::{Digest, empty_root, node_hash};
use std::collections::HashMap;

/// Directory of all tiles and entry bundles.
pub(crate) const TILES: &str = "tile";
/// Hashes of a full tile, entries of a full bundle.
pub(crate) const TILE_WIDTH: usize = 256;

/// A tile or an entry bundle to be written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct TileFile {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    /// Whether it holds entries and not hashes.
    pub(crate) entries: bool,
}

/// Name of a full tile at a level; `None` for the entry bundle.
pub(crate) fn tile_name(level: Option<usize>, index: u64) -> String {
    let level = level.map_or_else(|| "entries".to_owned(), |l| l.to_string());
    let (mut rest, mut path) = (index / 1_000, format!("{:03}", index % 1_000));
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1_000);
        rest /= 1_000;
    }
    format!("{TILES}/{level}/{path}")
}

/// Directory of the partial tiles of a tile.
pub(crate) fn partial_dir(tile: &str) -> String {
    format!("{tile}.p")
}

/// Name of a partial tile.
pub(crate) fn partial_name(tile: &str, width: usize) -> String {
    format!("{tile}.p/{width}")
}

/// The partial tiles of the tree of this size: directory and width of each.
pub(crate) fn archived_partials(size: u64) -> Vec<(String, usize)> {
    let width = |size: u64| (size % TILE_WIDTH as u64) as usize;
    let mut found = Vec::new();
    if width(size) > 0 {
        found.push((partial_dir(&tile_name(None, size / TILE_WIDTH as u64)), width(size)));
    }
    let (mut level, mut rest) = (0, size);
    while rest > 0 {
        if width(rest) > 0 {
            found.push((partial_dir(&tile_name(Some(level), rest / TILE_WIDTH as u64)), width(rest)));
        }
        rest /= TILE_WIDTH as u64;
        level += 1;
    }
    found
}

/// Name and width of the entry bundle with the entries from `index` on, in a tree of this size.
pub(crate) fn bundle_at(index: u64, size: u64) -> (String, usize) {
    let bundle = index / TILE_WIDTH as u64;
    let width = (size - bundle * TILE_WIDTH as u64).min(TILE_WIDTH as u64) as usize;
    (tile_name(None, bundle), width)
}

/// The growing edge of a tree.
#[derive(Clone, Debug, Default)]
pub(crate) struct Edge {
    size: u64,
    /// Per level: the hashes of the last, unfinished tile.
    levels: Vec<Vec<Digest>>,
    /// The entries of the last, unfinished bundle, each with its length.
    bundle: Vec<u8>,
    /// Full tiles since [`Self::take_full`].
    full: Vec<TileFile>,
}

impl Edge {
    /// How many leaves there are.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// How many full tiles wait for [`Self::take_full`].
    pub(crate) fn full_len(&self) -> usize {
        self.full.len()
    }

    /// Adds a leaf.
    pub(crate) fn push(&mut self, entry: &Entry, leaf: Digest) {
        self.bundle.extend_from_slice(&(ENTRY_LEN as u16).to_be_bytes());
        self.bundle.extend_from_slice(entry);
        let index = self.size;
        self.size += 1;
        if self.size.is_multiple_of(TILE_WIDTH as u64) {
            let name = tile_name(None, index / TILE_WIDTH as u64);
            self.full.push(TileFile { name, bytes: std::mem::take(&mut self.bundle), entries: true });
        }
        let (mut hash, mut index) = (leaf, index);
        for level in 0.. {
            if level == self.levels.len() {
                self.levels.push(Vec::new());
            }
            let hashes = &mut self.levels[level];
            hashes.push(hash);
            index /= TILE_WIDTH as u64;
            if hashes.len() < TILE_WIDTH {
                break;
            }
            hash = root_of(hashes.iter().copied());
            let hashes = std::mem::take(hashes);
            self.full.push(TileFile { name: tile_name(Some(level), index), bytes: concat(&hashes), entries: false });
        }
    }

    /// The full tiles that came to be since the last call.
    pub(crate) fn take_full(&mut self) -> Vec<TileFile> {
        std::mem::take(&mut self.full)
    }

    /// Puts full tiles back that could not be written.
    pub(crate) fn give_back(&mut self, mut full: Vec<TileFile>) {
        full.append(&mut self.full);
        self.full = full;
    }

    /// The unfinished tiles as full names with the bytes they have so far, and their width.
    pub(crate) fn unfinished(&self) -> Vec<(TileFile, usize)> {
        let mut tiles = Vec::new();
        let width = self.bundle.len() / (ENTRY_LEN + 2);
        if width > 0 {
            let name = tile_name(None, self.size / TILE_WIDTH as u64);
            tiles.push((TileFile { name, bytes: self.bundle.clone(), entries: true }, width));
        }
        let mut index = self.size;
        for (level, hashes) in self.levels.iter().enumerate() {
            index /= TILE_WIDTH as u64;
            if !hashes.is_empty() {
                let tile = TileFile { name: tile_name(Some(level), index), bytes: concat(hashes), entries: false };
                tiles.push((tile, hashes.len()));
            }
        }
        tiles
    }

    /// The root of the tree.
    pub(crate) fn root(&self) -> Digest {
        if self.size == 0 {
            return empty_root();
        }
        // From the right: each level's perfect subtrees stand left of everything below it.
        let mut root = None;
        for hashes in &self.levels {
            let mut at = hashes.len();
            while at > 0 {
                let width = 1 << at.trailing_zeros();
                at -= width;
                let left = root_of(hashes[at..at + width].iter().copied());
                root = Some(root.map_or(left, |right| node_hash(&left, &right)));
            }
        }
        root.unwrap_or_else(empty_root)
    }

    /// The edge of the tree of this size, read from its tiles; `Err` names the tile that is missing or wrong.
    pub(crate) fn load(size: u64, read: &mut dyn FnMut(&str) -> Option<Vec<u8>>) -> Result<Self, String> {
        let mut edge = Self { size, ..Self::default() };
        let mut read_tile = |level: Option<usize>, index: u64, width: usize, unit: usize| {
            let name = tile_name(level, index);
            let len = width * unit;
            let partial = partial_name(&name, width);
            let found = read(&partial).filter(|b| b.len() == len);
            let found = found.or_else(|| read(&name).filter(|b| b.len() == TILE_WIDTH * unit));
            found.map(|mut bytes| (bytes.drain(..len).collect::<Vec<u8>>(), partial.clone())).ok_or(partial)
        };
        let mut rest = size;
        while rest > 0 {
            let width = (rest % TILE_WIDTH as u64) as usize;
            rest /= TILE_WIDTH as u64;
            let mut hashes = Vec::with_capacity(TILE_WIDTH);
            if width > 0 {
                hashes = split(&read_tile(Some(edge.levels.len()), rest, width, 32)?.0);
            }
            edge.levels.push(hashes);
        }
        let width = (size % TILE_WIDTH as u64) as usize;
        if width > 0 {
            let (bytes, name) = read_tile(None, size / TILE_WIDTH as u64, width, ENTRY_LEN + 2)?;
            let leaves = edge.levels.first().map_or(&[][..], Vec::as_slice);
            let entries = bytes.chunks(ENTRY_LEN + 2);
            let sound = entries.zip(leaves).all(|(entry, leaf)| {
                entry.split_first_chunk().is_some_and(|(len, entry)| {
                    u16::from_be_bytes(*len) as usize == ENTRY_LEN && leaf_hash(entry) == *leaf
                })
            });
            edge.bundle = if sound { bytes } else { return Err(name) };
        }
        Ok(edge)
    }
}

fn concat(hashes: &[Digest]) -> Vec<u8> {
    hashes.iter().flat_map(|h| h.0).collect()
}

fn split(bytes: &[u8]) -> Vec<Digest> {
    bytes.as_chunks::<32>().0.iter().map(|chunk| Digest(*chunk)).collect()
}

/// The root over a power of two of hashes.
fn root_of(hashes: impl Iterator<Item = Digest>) -> Digest {
    let mut level: Vec<Digest> = hashes.collect();
    while level.len() > 1 {
        level = level.chunks(2).map(|pair| node_hash(&pair[0], &pair[pair.len() - 1])).collect();
    }
    level.first().copied().unwrap_or_else(empty_root)
}

/// Reads hashes of subtrees from the tiles of a tree.
pub(crate) struct TileReader<'a> {
    size: u64,
    read: &'a mut dyn FnMut(&str) -> Option<Vec<u8>>,
    tiles: HashMap<String, Vec<Digest>>,
}

impl<'a> TileReader<'a> {
    pub(crate) fn new(size: u64, read: &'a mut dyn FnMut(&str) -> Option<Vec<u8>>) -> Self {
        Self { size, read, tiles: HashMap::new() }
    }

    /// The inclusion proof of leaf `index` in the tree of the first `size` leaves, from the leaf upwards (RFC 6962, section 2.1.1);
    /// `Err` names a missing tile.
    pub(crate) fn inclusion(&mut self, index: u64, size: u64) -> Result<Vec<Digest>, String> {
        let (mut start, mut end) = (0, size);
        let mut proof = Vec::new();
        while end - start > 1 {
            let middle = start + (end - start).next_power_of_two() / 2;
            if index < middle {
                proof.push(self.root(middle, end)?);
                end = middle;
            } else {
                proof.push(self.root(start, middle)?);
                start = middle;
            }
        }
        proof.reverse();
        Ok(proof)
    }

    /// The proof that the tree of the first `size` leaves grew from the one of the first `old` (RFC 6962, section 2.1.2); `Err` names a missing tile.
    pub(crate) fn consistency(&mut self, old: u64, size: u64) -> Result<Vec<Digest>, String> {
        let (mut start, mut end, mut known) = (0, size, true);
        let mut proof = Vec::new();
        while old != end {
            let middle = start + (end - start).next_power_of_two() / 2;
            if old <= middle {
                proof.push(self.root(middle, end)?);
                end = middle;
            } else {
                proof.push(self.root(start, middle)?);
                (start, known) = (middle, false);
            }
        }
        if !known {
            proof.push(self.root(start, end)?);
        }
        proof.reverse();
        Ok(proof)
    }

    /// The root over the leaves `start..end`, a subtree of the tree.
    pub(crate) fn root(&mut self, start: u64, end: u64) -> Result<Digest, String> {
        let len = end - start;
        if len == 0 {
            return Ok(empty_root());
        }
        if !len.is_power_of_two() {
            let middle = start + len.next_power_of_two() / 2;
            return Ok(node_hash(&self.root(start, middle)?, &self.root(middle, end)?));
        }
        let level = len.trailing_zeros() as usize / 8;
        let width = 1_usize << (len.trailing_zeros() as usize % 8);
        let first = start >> (8 * level);
        let tile = self.tile(level, first / TILE_WIDTH as u64)?;
        let at = (first % TILE_WIDTH as u64) as usize;
        let hashes = tile.get(at..at + width).ok_or_else(|| tile_name(Some(level), first / TILE_WIDTH as u64))?;
        Ok(root_of(hashes.iter().copied()))
    }

    fn tile(&mut self, level: usize, index: u64) -> Result<&[Digest], String> {
        let name = tile_name(Some(level), index);
        if !self.tiles.contains_key(&name) {
            let hashes = self.size >> (8 * level);
            let width = (hashes - index * TILE_WIDTH as u64).min(TILE_WIDTH as u64) as usize;
            let full = width == TILE_WIDTH;
            let partial = (!full).then(|| (self.read)(&partial_name(&name, width))).flatten();
            let bytes = partial.or_else(|| (self.read)(&name)).filter(|b| b.len() >= width * 32);
            let bytes = bytes.ok_or_else(|| name.clone())?;
            self.tiles.insert(name.clone(), split(&bytes[..width * 32]));
        }
        Ok(self.tiles.get(&name).map_or(&[], Vec::as_slice))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn tiles_are_named_as_the_specification_says() {
        assert_eq!(tile_name(Some(3), 1_234_067), "tile/3/x001/x234/067");
        assert_eq!(tile_name(Some(0), 7), "tile/0/007");
        assert_eq!(tile_name(None, 1_000), "tile/entries/x001/000");
        assert_eq!(partial_name(&tile_name(Some(1), 0), 17), "tile/1/000.p/17");
    }

    fn tree(size: u64) -> (Edge, HashMap<String, Vec<u8>>) {
        let (mut edge, mut files) = (Edge::default(), HashMap::new());
        for n in 0..size {
            let mut entry = [0; ENTRY_LEN];
            entry[..8].copy_from_slice(&n.to_be_bytes());
            edge.push(&entry, leaf_hash(&entry));
        }
        files.extend(edge.take_full().into_iter().map(|tile| (tile.name, tile.bytes)));
        files.extend(edge.unfinished().into_iter().map(|(tile, width)| (partial_name(&tile.name, width), tile.bytes)));
        (edge, files)
    }

    #[test]
    fn a_tree_of_70000_has_the_tiles_of_the_specification_s_example() {
        let (edge, files) = tree(70_000);
        let full = |level: usize| {
            files.keys().filter(|n| n.starts_with(&format!("tile/{level}/")) && !n.contains(".p/")).count()
        };
        assert_eq!((full(0), full(1), full(2)), (273, 1, 0));
        for partial in ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1", "tile/entries/273.p/112"] {
            assert!(files.contains_key(partial), "{partial}");
        }
        let mut named: Vec<String> =
            archived_partials(70_000).iter().map(|(dir, width)| format!("{dir}/{width}")).collect();
        let mut unfinished: Vec<String> =
            edge.unfinished().iter().map(|(tile, width)| partial_name(&tile.name, *width)).collect();
        named.sort_unstable();
        unfinished.sort_unstable();
        assert_eq!(named, unfinished);
        let loaded = Edge::load(70_000, &mut |name| files.get(name).cloned()).map(|e| e.root());
        assert_eq!(loaded, Ok(edge.root()));
        let mut read = |name: &str| files.get(name).cloned();
        let mut reader = TileReader::new(70_000, &mut read);
        assert_eq!(reader.root(0, 70_000), Ok(edge.root()));
        for index in [0, 1, 255, 256, 65_535, 65_536, 69_888, 69_999] {
            let leaf = reader.root(index, index + 1).unwrap_or_default();
            let proof = reader.inclusion(index, 70_000).unwrap_or_default();
            assert!(crate::verify_inclusion(leaf, index, 70_000, &proof, edge.root()), "{index}");
        }
    }

    /// The leaves and roots that the first transparency logs were tested with.
    #[test]
    fn roots_are_those_of_rfc_6962() {
        let leaves: [&[u8]; 8] = [
            &[],
            &[0x00],
            &[0x10],
            &[0x20, 0x21],
            &[0x30, 0x31],
            &[0x40, 0x41, 0x42, 0x43],
            &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
            &[0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f],
        ];
        let mut edge = Edge::default();
        let mut roots = format!("{}\n", edge.root());
        for leaf in leaves {
            edge.push(&[0; ENTRY_LEN], leaf_hash(leaf));
            roots += &format!("{}\n", edge.root());
        }
        expect![[r#"
            e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
            6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d
            fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125
            aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77
            d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7
            4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4
            76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef
            ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c
            5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328
        "#]]
        .assert_eq(&roots);
    }

    #[test]
    fn an_edge_loaded_from_tiles_grows_like_the_one_that_wrote_them() {
        for size in [0, 1, 255, 256, 257, 513, 600] {
            let (edge, files) = tree(size);
            let loaded = Edge::load(size, &mut |name| files.get(name).cloned());
            let (mut edge, mut loaded) = (edge, loaded.unwrap_or_default());
            assert_eq!(loaded.root(), edge.root(), "{size}");
            for n in 0..300_u64 {
                let entry = [n as u8; ENTRY_LEN];
                edge.push(&entry, leaf_hash(&entry));
                loaded.push(&entry, leaf_hash(&entry));
            }
            assert_eq!((loaded.root(), loaded.take_full()), (edge.root(), edge.take_full()), "{size}");
        }
    }
}
