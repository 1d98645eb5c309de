"""Reads a stopped server's database by the documented formats, not by the program: marks and the hash chain.

The format is that of src/attendance/chain.c; the key is derived from data/installation.key as libsodium's
crypto_kdf_derive_from_key does (BLAKE2b with the sub-key's number as salt and its purpose as personalisation).
"""
import hashlib
import json
import struct

DOMAIN = b"rollcall register event 1\0"


def derived(master, purpose, number=1):
    return hashlib.blake2b(b"", digest_size=32, key=master, salt=struct.pack("<Q", number) + bytes(8),
                           person=purpose.ljust(16, b"\0")).digest()


def text(value):
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(raw)) + raw


def chain_hash(key, prev, event):
    body = DOMAIN + prev + text(event["chain"]) + struct.pack("<qq", event["seq"], event["at"])
    return hashlib.blake2b(body + text(event["actor"]) + text(event["student"]) + text(event["payload"]),
                           digest_size=32, key=key).digest()


def verify(server):
    """Checks every chain from its first event on, and that each mark is in the register and was made once; gives the marks."""
    assert server.process.poll() is not None, "stop the server first"
    key = derived((server.data / "installation.key").read_bytes(), b"register")
    heads, told, made = {}, [], []
    for event in server.sql("SELECT * FROM register_event ORDER BY chain, seq"):
        prev, seq = heads.get(event["chain"], (bytes(32), 0))
        assert event["seq"] == seq + 1, f"a gap in chain {event['chain']} after {seq}"
        assert bytes(event["prev_hash"]) == prev, f"chain {event['chain']} does not continue at {event['seq']}"
        assert bytes(event["hash"]) == chain_hash(key, prev, event), f"{event['chain']} {event['seq']} was altered"
        heads[event["chain"]] = bytes(event["hash"]), event["seq"]
        told.append((event["chain"], event["student"]))
        if json.loads(event["payload"])["event"] == "mark":
            made.append(told[-1])
    marks = [(m["session_id"], m["student_id"]) for m in server.sql("SELECT * FROM mark")]
    assert len(set(marks)) == len(marks) and len(set(made)) == len(made)
    assert sorted(set(told)) == sorted(marks), "marks and register tell different stories"
    return set(marks)
