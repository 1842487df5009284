//! The Merkle tree of RFC 6962, section 2.1, with SHA-256: hashes, roots and inclusion proofs.
//!
//! Not a store of hashes: tiles keep them. Invariant: a proof that [`verify_inclusion`] accepts leads from the leaf to the
//! root; that function shares no code with the one that makes proofs. Cost: one SHA-256 of 65 bytes a node.

use sha2::{Digest as _, Sha256};
use std::fmt;

/// A SHA-256 hash.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    /// Lower-case hexadecimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The hash of an inner node.
pub(crate) fn node_hash(left: &Digest, right: &Digest) -> Digest {
    Digest(Sha256::new().chain_update([1]).chain_update(left.0).chain_update(right.0).finalize().into())
}

/// The root of the empty tree.
pub(crate) fn empty_root() -> Digest {
    Digest(Sha256::digest([]).into())
}

/// Whether `proof` shows that the leaf with hash `leaf` is at `index` of the tree of `size` leaves with this `root`
/// (RFC 9162, section 2.1.3.2).
#[must_use]
pub fn verify_inclusion(leaf: Digest, index: u64, size: u64, proof: &[Digest], root: Digest) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last) = (index, size - 1);
    let mut hash = leaf;
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && hash == root
}

/// Whether `proof` shows that the tree of `size` leaves with this `root` grew from the one of `old_size` leaves with `old_root`
/// (RFC 9162, section 2.1.4.2).
#[must_use]
pub fn verify_consistency(old_size: u64, old_root: Digest, size: u64, root: Digest, proof: &[Digest]) -> bool {
    if old_size == 0 || old_size >= size {
        let same = old_size == size && old_root == root;
        return proof.is_empty() && (same || old_size == 0 && old_root == empty_root());
    }
    let mut rest = proof.iter();
    let first = if old_size.is_power_of_two() { Some(old_root) } else { rest.next().copied() };
    let Some(first) = first else { return false };
    let (mut node, mut last) = (old_size - 1, size - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let (mut old, mut new) = (first, first);
    for sibling in rest {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            old = node_hash(sibling, &old);
            new = node_hash(sibling, &new);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new = node_hash(&new, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && old == old_root && new == root
}
