// RFC 6962/9162 inclusion proofs and C2SP checkpoints, checked in the reader's own browser.
// Not a check of signatures (the command line does that offline). The hash is an argument; nothing here asks the network.
import type { Proof } from "../api/types";

export type Sha256 = (data: Uint8Array<ArrayBuffer>) => Promise<Uint8Array>;

export function fromHex(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function nodeOf(left: Uint8Array, right: Uint8Array, sha256: Sha256): Promise<Uint8Array> {
  const data = new Uint8Array(1 + left.length + right.length);
  data[0] = 1;
  data.set(left, 1);
  data.set(right, 1 + left.length);
  return sha256(data);
}

/** The root that `hashes` lead to from the leaf at `index` of a tree of `size` leaves; undefined if the path cannot fit. */
export async function rootOf(
  leaf: string,
  index: number,
  size: number,
  hashes: string[],
  sha256: Sha256,
): Promise<string | undefined> {
  if (index < 0 || index >= size) return undefined;
  let node: Uint8Array = fromHex(leaf);
  // Division instead of shifts: a tree may have more than 2^31 leaves.
  let place = index;
  let last = size - 1;
  for (const hash of hashes) {
    if (last === 0) return undefined;
    const sibling = fromHex(hash);
    if (place % 2 === 1 || place === last) {
      node = await nodeOf(sibling, node, sha256);
      while (place % 2 === 0 && place > 0) {
        place = Math.floor(place / 2);
        last = Math.floor(last / 2);
      }
    } else {
      node = await nodeOf(node, sibling, sha256);
    }
    place = Math.floor(place / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 ? toHex(node) : undefined;
}

export interface CheckpointBody {
  origin: string;
  size: number;
  root: string;
}

/** What a checkpoint (a signed note) says, without judging its signature. */
export function parseCheckpoint(note: string): CheckpointBody | undefined {
  const [origin, size, root] = note.split("\n");
  if (!origin || !size || !root || !/^\d+$/.test(size)) return undefined;
  try {
    const bytes = Uint8Array.from(atob(root), (char) => char.charCodeAt(0));
    return bytes.length === 32 ? { origin, size: Number(size), root: toHex(bytes) } : undefined;
  } catch {
    return undefined;
  }
}

export interface ProofResult {
  /** The path leads from the leaf to the stated root. */
  path: boolean;
  /** The checkpoint names the same root and size. */
  checkpoint: boolean;
}

export async function checkProof(proof: Proof, position: number, sha256: Sha256): Promise<ProofResult> {
  const root = await rootOf(proof.leaf, position, proof.tree_size, proof.hashes, sha256);
  const note = parseCheckpoint(proof.checkpoint);
  return {
    path: root !== undefined && root === proof.root.toLowerCase(),
    checkpoint: note?.root === proof.root.toLowerCase() && note.size === proof.tree_size,
  };
}
