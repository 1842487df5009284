//! The vault against a model: random work, power cuts at any disk operation, and what must be true after each.

use crate::sim_disk::{Dice, SimDisk};
use crate::vault::{append, check, open, options, payload, records};
use proptest::prelude::*;
use yagura_store::{Position, Vault, open_checkpoint, verify_inclusion};

#[derive(Clone, Debug)]
enum Step {
    Append(u64),
    Checkpoint,
    Reopen,
    CutPower(u64),
    FillDisk(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1..40_u64).prop_map(Step::Append),
        1 => (200..600_u64).prop_map(Step::Append),
        2 => Just(Step::Checkpoint),
        1 => Just(Step::Reopen),
        3 => (0..12_u64).prop_map(Step::CutPower),
        1 => (0..900_u64).prop_map(Step::FillDisk),
    ]
}

/// The vault under test and what must be true of it.
struct World {
    disk: SimDisk,
    vault: Option<Vault>,
    dice: Dice,
    acknowledged: u64,
    /// Checkpoints that were handed out: tree size and note.
    published: Vec<String>,
}

impl World {
    fn vault(&mut self) -> &mut Vault {
        self.vault.as_mut().unwrap()
    }

    fn append(&mut self, count: u64) {
        let len = self.vault().len();
        if append(self.vault(), count).is_ok() {
            self.acknowledged = len + count;
        }
        let vault = self.vault.as_ref().unwrap();
        assert_eq!(vault.len(), self.acknowledged);
    }

    fn checkpoint(&mut self) {
        if let Ok(note) = self.vault().checkpoint() {
            self.published.push(note);
        }
    }

    /// Works on until the power is gone, then starts again on what the disk kept.
    fn cut_power(&mut self, after: u64) {
        self.disk.cut_power_after(after);
        let count = 1 + self.dice.below(30);
        let checkpoint_first = self.dice.below(2) == 0;
        if checkpoint_first {
            self.checkpoint();
        }
        self.append(count);
        self.checkpoint();
        self.vault = None;
        self.disk = self.disk.crash(&mut self.dice);
        let (vault, recovery) = open(&self.disk);
        // What was acknowledged is there; of the append that was under way, whole records from its front may be.
        assert!(recovery.records >= self.acknowledged, "{recovery:?}, acknowledged {}", self.acknowledged);
        assert!(recovery.records <= self.acknowledged + count, "{recovery:?}, acknowledged {}", self.acknowledged);
        self.acknowledged = recovery.records;
        self.vault = Some(vault);
    }

    fn reopen(&mut self) {
        self.vault = None;
        let (vault, recovery) = open(&self.disk);
        assert_eq!((recovery.records, recovery.cut), (self.acknowledged, None));
        self.vault = Some(vault);
    }

    fn fill_disk(&mut self, space: u64) {
        self.disk.leave_space(space);
        self.append(40);
        self.checkpoint();
        self.disk.leave_space(u64::MAX);
    }

    fn hold(&mut self) {
        let all = records(self.vault.as_ref().unwrap());
        assert_eq!(all.len() as u64, self.acknowledged);
        assert!(all.iter().zip(0..).all(|(r, n)| r.position == Position(n) && r.payload == payload(n)));
        self.checkpoint();
        let verified = check(&self.disk).unwrap();
        assert_eq!((verified.covered, verified.unfinished), (self.acknowledged, None));
        self.proofs_hold();
    }

    /// Each checkpoint ever handed out is a prefix of today's tree, and a random record has a proof.
    fn proofs_hold(&mut self) {
        let reader = self.vault.as_ref().unwrap().reader();
        let key = options().key.verifying_key();
        for note in &self.published {
            let old = open_checkpoint(note, &key).unwrap();
            assert_eq!(crate::vault::root_of_first(&reader, old.size), old.root);
        }
        if self.acknowledged > 0 {
            let n = self.dice.below(self.acknowledged);
            let proof = reader.inclusion_proof(Position(n)).unwrap();
            assert!(verify_inclusion(proof.leaf, n, proof.tree_size, &proof.hashes, proof.root));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn no_power_cut_loses_what_was_acknowledged(seed: u64, steps in proptest::collection::vec(step(), 1..14)) {
        let disk = SimDisk::new();
        let vault = Some(open(&disk).0);
        let mut world = World { disk, vault, dice: Dice(seed), acknowledged: 0, published: Vec::new() };
        for step in steps {
            match step {
                Step::Append(count) => world.append(count),
                Step::Checkpoint => world.checkpoint(),
                Step::Reopen => world.reopen(),
                Step::CutPower(after) => world.cut_power(after),
                Step::FillDisk(space) => world.fill_disk(space),
            }
        }
        world.hold();
    }

    #[test]
    fn a_tail_cut_at_any_byte_is_recovered_to_the_last_whole_record(cut in 0..1_000_usize, garble: bool, seed: u64) {
        let disk = SimDisk::new();
        let (mut vault, _) = open(&disk);
        append(&mut vault, 5).unwrap();
        let file = "segments/00000000000000000000.seg";
        let durable = disk.bytes(file).len();
        vault.checkpoint().unwrap();
        append(&mut vault, 9).unwrap();
        drop(vault);
        let mut bytes = disk.bytes(file);
        let keep = durable + cut % (bytes.len() - durable);
        bytes.truncate(keep);
        let mut dice = Dice(seed);
        if garble {
            bytes.extend((0..1 + dice.below(90)).map(|_| dice.below(256) as u8));
        }
        let (len, whole) = (bytes.len() as u64, whole_records(&bytes));
        disk.set_bytes(file, bytes);
        let (vault, recovery) = open(&disk);
        prop_assert_eq!((recovery.records, vault.len()), (whole.0, whole.0));
        prop_assert_eq!(recovery.cut.as_ref().map(|c| (c.offset, c.bytes)), (whole.1 < len).then_some((whole.1, len - whole.1)));
        drop(vault);
        check(&disk).unwrap();
    }
}

/// Number and end of the whole records, found by their known lengths alone.
fn whole_records(bytes: &[u8]) -> (u64, u64) {
    let mut end = 32;
    for n in 0.. {
        let next = end + 28 + payload(n).len();
        if next > bytes.len() || !bytes[..next].ends_with(&payload(n)) {
            return (n, end as u64);
        }
        end = next;
    }
    unreachable!()
}
