// Inclusion proofs: every true one holds, every bent one fails (RFC 6962, RFC 9162).
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { Vault } from "../../tests/fixtures/vault";
import { checkProof, parseCheckpoint, rootOf, toHex, type Sha256 } from "./proof.ts";

const sha256: Sha256 = (data) => Promise.resolve(new Uint8Array(createHash("sha256").update(data).digest()));

test("every record of logs of many sizes is proved", async () => {
  for (const size of [1, 2, 3, 4, 5, 7, 8, 13, 33]) {
    const vault = new Vault(size);
    for (let position = 0; position < size; position++) {
      const proof = vault.evidence(position, 0, undefined)?.proof;
      if (!proof) throw new Error(`record ${position} is missing`);
      expect(await checkProof(proof, position, sha256), `${position} of ${size}`).toEqual({
        path: true,
        checkpoint: true,
      });
    }
  }
});

test("the empty-string leaf of RFC 6962 is its own root", async () => {
  const leaf = toHex(await sha256(Uint8Array.of(0)));
  expect(leaf).toBe("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
  expect(await rootOf(leaf, 0, 1, [], sha256)).toBe(leaf);
});

test("a bent proof does not hold", async () => {
  const position = 5;
  const proof = new Vault(13).evidence(position, 0, undefined)?.proof;
  if (!proof) throw new Error("record 5 is missing");
  const other = "00".repeat(32);
  const bent = [
    { ...proof, leaf: other },
    { ...proof, root: other },
    { ...proof, hashes: proof.hashes.slice(1) },
    { ...proof, hashes: [...proof.hashes, other] },
    { ...proof, hashes: proof.hashes.toReversed() },
    // (The tree's size alone changes nothing while the path keeps its shape: the checkpoint is what names it.)
    { ...proof, tree_size: 70 },
  ];
  for (const one of bent) expect((await checkProof(one, position, sha256)).path).toBe(false);
  expect((await checkProof(proof, position + 1, sha256)).path).toBe(false);
  expect((await checkProof(proof, 13, sha256)).path).toBe(false);
});

test("a checkpoint of another root or size is noticed", async () => {
  const proof = new Vault(8).evidence(3, 0, undefined)?.proof;
  const other = new Vault(9).evidence(3, 0, undefined)?.proof;
  if (!proof || !other) throw new Error("record 3 is missing");
  const result = await checkProof({ ...proof, checkpoint: other.checkpoint }, 3, sha256);
  expect(result).toEqual({ path: true, checkpoint: false });
});

test("a note that is no checkpoint says nothing", () => {
  for (const note of ["", "origin\n", "origin\nten\nAAAA\n", "origin\n3\n!!\n", "origin\n3\nAAAA\n"]) {
    expect(parseCheckpoint(note)).toBeUndefined();
  }
});
