#!/usr/bin/env python3
"""Checks an evidence bundle of Yagura without any code of Yagura. Needs python3, its package `cryptography`, and openssl for time stamps.

Usage: verify_bundle.py DIR LOG_KEY [TSA_CA]        LOG_KEY as in log.key, but from a source that you trust;
                                                    TSA_CA: file with the certificate of the time stamp authority, PEM
"""
import base64, hashlib, json, pathlib, struct, subprocess, sys
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

sha = lambda data: hashlib.sha256(data).digest()


def note_text(note, name, key):  # a C2SP signed note
    text, signatures = note[: note.rindex("\n\n") + 1], note[note.rindex("\n\n") + 2 :]
    key_id = sha(name.encode() + b"\n\x01" + key)[:4]
    for line in signatures.splitlines():
        blob = base64.b64decode(line.split(" ")[2])
        if line.split(" ")[1] == name and blob[:4] == key_id:
            Ed25519PublicKey.from_public_bytes(key).verify(blob[4:], text.encode())
            return text
    raise SystemExit("no signature by the given key")


def root_of(leaf, index, size, proof):  # RFC 9162, section 2.1.3.2
    node, last, digest = index, size - 1, leaf
    for sibling in proof:
        assert last > 0, "proof too long"
        if node & 1 or node == last:
            digest = sha(b"\x01" + sibling + digest)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            digest = sha(b"\x01" + digest + sibling)
        node, last = node >> 1, last >> 1
    assert last == 0, "proof too short"
    return digest


def cbor_bytes(data, at):  # one CBOR byte string or map header; returns (content, next)
    kind, small = data[at] >> 5, data[at] & 31
    width = {24: 1, 25: 2, 26: 4}.get(small, 0)
    length = int.from_bytes(data[at + 1 : at + 1 + width], "big") if width else small
    start = at + 1 + width
    return (data[start : start + length], start + length) if kind == 2 else (None, start)


def cbor_head(kind, length):
    for width, code in ((1, 24), (2, 25), (4, 26)):
        if length < 24:
            return bytes([kind << 5 | length])
        if length < 1 << 8 * width:
            return bytes([kind << 5 | code]) + length.to_bytes(width, "big")


def verify_report(payload, keys):  # a COSE_Sign1 (RFC 9052) with the header attached as payload; see report.md
    at = 1 if payload[0] == 0xD2 else 0
    assert payload[at] == 0x84, "not a COSE_Sign1"
    protected, at = cbor_bytes(payload, at + 1)
    _, at = cbor_bytes(payload, at)  # the unprotected header is an empty map
    body, at = cbor_bytes(payload, at)
    signature, at = cbor_bytes(payload, at)
    assert at == len(payload) and len(signature) == 64
    wrap = lambda data: cbor_head(2, len(data)) + data
    signed = b"\x84\x6aSignature1" + wrap(protected) + wrap(b"") + wrap(body)
    for key in keys:
        try:
            return key.verify(signature, signed)
        except Exception:
            pass
    raise SystemExit("no certificate in the bundle verifies the report")


bundle, log_key = pathlib.Path(sys.argv[1]), sys.argv[2]
origin, _, typed = log_key.split("+", 2)
key = base64.b64decode(typed)[1:]
manifest_bytes = (bundle / "manifest.json").read_bytes()
manifest = json.loads(manifest_bytes)
names = {str(path.relative_to(bundle)) for path in bundle.rglob("*") if path.is_file()}
assert names - {"manifest.json", "manifest.note"} == set(manifest["files"]), "a file is missing or too many"
for name, digest in manifest["files"].items():
    assert sha((bundle / name).read_bytes()).hex() == digest, f"{name} was changed"
if "manifest.note" in names:
    signed = note_text((bundle / "manifest.note").read_text(), origin, key)
    assert signed == f"{origin}/evidence-bundle\nsha256 {sha(manifest_bytes).hex()}\n", "the manifest was changed"
else:
    print("NOT SIGNED: records may have been left out")
checkpoint = (bundle / "checkpoint").read_text()
name, size, root = note_text(checkpoint, origin, key).splitlines()[:3]
assert name == origin
if "checkpoint.tsr" in names and len(sys.argv) > 3:
    stamp = ["-data", bundle / "checkpoint", "-in", bundle / "checkpoint.tsr", "-CAfile", sys.argv[3]]
    if subprocess.run(["openssl", "ts", "-verify", *stamp], capture_output=True).returncode:
        raise SystemExit("the time stamp does not hold")
    print("time stamp holds: openssl ts -reply -in checkpoint.tsr -text shows its time")
elif "checkpoint.tsr" in names:
    print("TIME STAMP NOT CHECKED: give the certificate of the time stamp authority")
certificates, reports = [], []
for listed in manifest["records"]:
    position = listed["position"]
    record = (bundle / f"records/{position:020}").read_bytes()
    header, payload = record[:28], record[28:]
    length, kind = struct.unpack(">4xIB", header[:9])
    assert length == len(payload) and struct.unpack(">Q", header[20:])[0] == position
    leaf = sha(b"\x00" + header + sha(payload))
    head, proof = (bundle / f"proofs/{position:020}.tlog-proof").read_text().split("\n\n", 1)
    lines = head.splitlines()
    assert lines[:2] == ["c2sp.org/tlog-proof@v1", f"index {position}"] and proof == checkpoint
    hashes = [base64.b64decode(line) for line in lines[2:]]
    assert root_of(leaf, position, int(size), hashes) == base64.b64decode(root), f"record {position} is not in the log"
    if kind == 2:
        certificates.append(x509.load_der_x509_certificate(payload).public_key())
    if kind == 1:
        verify_report(payload, certificates)
        reports.append(position)
print(f"intact: {len(manifest['records'])} records proven, {len(reports)} reports signed by their devices")
