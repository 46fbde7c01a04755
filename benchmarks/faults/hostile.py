"""Bundles as an attacker, a broken disk or a mistake would make them; seeded, so that a finding can be repeated."""

from __future__ import annotations

import io
import os
import random
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from common_utils.bundle import write_bundle
from common_utils.bundle.manifest import MANIFEST, SIGNATURE, content_digest, measure_file, seal_manifest
from common_utils.bundle.signing import Trust

__all__ = ["KEY", "MUTATIONS", "make_good", "reseal"]

KEY = Trust({"ours": bytes(range(32))})
FOREIGN = Trust({"theirs": bytes(range(1, 33))})
IMPOSTOR = Trust({"ours": bytes(range(2, 34))})  # our key's name, another secret

Mutation = Callable[[Path, random.Random], object]


def make_good(root: Path) -> Path:
    """Write the signed bundle that everything here is a bad copy of; return its folder."""

    def write(folder: Path) -> None:
        rng = np.random.default_rng(42)
        np.savez(folder / "scorer.npz", leaves=rng.normal(size=(40, 8)), splits=rng.normal(size=200))
        (folder / "scorer.json").write_text('{"classes": ["smart", "ultra"]}')
        (folder / "metrics.json").write_text('{"accuracy": 0.5}')
        (folder / "model.joblib").write_bytes(rng.bytes(5000))

    return write_bundle(root, info={"seed": 42}, write=write, trust=KEY).path


def reseal(folder: Path, trust: Trust | None) -> None:
    """Write a manifest that fits the files there are, and sign it; None: keep the old signature."""
    names = sorted(path.name for path in folder.iterdir() if path.name not in (MANIFEST, SIGNATURE))
    files = {name: measure_file(folder, name, 1 << 30) for name in names}
    manifest = {
        "format": 1,
        "version": "20261123T120102Z-" + content_digest(files),
        "created": "2026-11-23T12:01:02+00:00",
        "files": {name: {"size": entry.size, "sha256": entry.sha256} for name, entry in files.items()},
        "info": {"seed": 42},
    }
    data = seal_manifest(manifest)
    put(folder / MANIFEST, data)
    if trust is not None and (signature := trust.sign(data)):
        put(folder / SIGNATURE, signature)


def put(path: Path, data: bytes) -> None:
    """Replace a read-only file."""
    path.unlink(missing_ok=True)
    path.write_bytes(data)


def pick(folder: Path, rng: random.Random) -> Path:
    """Return any file of a bundle, manifest and signature included."""
    return rng.choice(sorted(folder.iterdir()))


def flip_bit(folder: Path, rng: random.Random) -> None:
    """Flip one bit of one file."""
    path = pick(folder, rng)
    data = bytearray(path.read_bytes())
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    put(path, bytes(data))


def truncate(folder: Path, rng: random.Random) -> None:
    """Cut a file anywhere, also to nothing."""
    path = pick(folder, rng)
    data = path.read_bytes()
    put(path, data[: rng.randrange(len(data))])


def append(folder: Path, rng: random.Random) -> None:
    """Add bytes behind the end."""
    path = pick(folder, rng)
    put(path, path.read_bytes() + rng.randbytes(rng.randint(1, 300)))


def swap(folder: Path, rng: random.Random) -> None:
    """Exchange two files."""
    one, two = rng.sample(sorted(folder.iterdir()), 2)
    first, second = one.read_bytes(), two.read_bytes()
    put(one, second)
    put(two, first)


def oversize(folder: Path, rng: random.Random) -> None:
    """Make a file far larger than allowed; sparse, so that it costs no disk."""
    path = pick(folder, rng)
    path.chmod(0o600)
    os.truncate(path, rng.choice([300_000, 2 << 20, 5 << 30]))


def add_file(folder: Path, rng: random.Random) -> None:
    """Add something that is not in the list."""
    name = rng.choice(["extra.pkl", "model.pkl", "README", ".hidden", "a b", "scorer.npz.bak", "MANIFEST.JSON"])
    (folder / name).write_bytes(rng.randbytes(rng.randrange(50)))


def remove_file(folder: Path, rng: random.Random) -> None:
    """Take something away."""
    pick(folder, rng).unlink()


def link_file(folder: Path, rng: random.Random) -> None:
    """Put a link in place of a file, even to the right content."""
    path = pick(folder, rng)
    target = folder.parent / f"outside-{path.name}"
    shutil.copyfile(path, target)
    path.unlink()
    path.symlink_to(rng.choice([target, "/dev/zero", "/etc/passwd", "loop", path.name]))


def special_file(folder: Path, rng: random.Random) -> None:
    """Put a pipe or a folder in place of a file."""
    path = pick(folder, rng)
    path.unlink()
    rng.choice([os.mkfifo, os.mkdir])(path)


def edit_consistently(folder: Path, rng: random.Random) -> None:
    """Change weights and fit hashes, checksum and version to them: only the signature can tell."""
    stream = io.BytesIO()
    np.savez(stream, leaves=np.full((40, 8), rng.random()), splits=np.zeros(200))
    put(folder / "scorer.npz", stream.getvalue())
    reseal(folder, rng.choice([None, FOREIGN, IMPOSTOR]))


def unsign(folder: Path, rng: random.Random) -> None:
    """Take the signature away, or put something there that is none."""
    (folder / SIGNATURE).unlink()
    text = rng.choice(
        [b"", b"none\n", b"hmac-sha256 ours " + b"0" * 64 + b"\n", b"hmac-sha256 ../ours " + b"a" * 64 + b"\n"]
    )
    if rng.random() < 0.8:
        (folder / SIGNATURE).write_bytes(text)


def _npz(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


def npy(header: str, body: bytes = b"") -> bytes:
    """Return a `.npy` file with any header."""
    text = header.encode("latin-1")
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + body


def plain(shape: str, descr: str = "<f8") -> str:
    """Return a header as NumPy writes it."""
    return f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n"


def _patched_sizes(data: bytes, size: int) -> bytes:
    """Let the directory of an archive claim another unpacked size."""
    place = data.rfind(b"PK\x01\x02")
    return data[: place + 24] + struct.pack("<I", size) + data[place + 28 :]


def _bombs(rng: random.Random) -> list[bytes]:
    dims = rng.choice(["(1099511627776,)", "(100000, 100000)", "(4294967296, 4294967296)", "(65536, 65536, 8)"])
    good = npy(plain("(3,)"), bytes(24))
    objects = io.BytesIO()
    np.save(objects, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    return [
        _npz({"a.npy": npy(plain(dims), bytes(rng.randrange(2000)))}),
        _npz({"a.npy": npy(plain("(3,)"), bytes(rng.choice([0, 8, 23, 25, 4000])))}),
        _patched_sizes(_npz({"a.npy": good}), rng.choice([1 << 30, (1 << 32) - 2, 10, 0])),
        _npz({"a.npy": objects.getvalue()}),
        _npz({f"a{i}.npy": good for i in range(1500)}, zipfile.ZIP_STORED),
        _npz({rng.choice(["../a.npy", "/a.npy", "a.pkl", "a", "con.npy", "x/y.npy"]): good}),
        _npz({"a.npy": npy("{'descr': __import__('os').system('true'), 'fortran_order': False, 'shape': (), }\n")}),
        _npz({"a.npy": npy("(" * 4000 + "\n")}),
        _npz({"a.npy": npy(plain("(1,)", "<U900000"))}),
        _npz({"a.npy": b"\x93NUMPY\x03\x00" + bytes(rng.randrange(40))}),
        _npz({"a.npy": good})[: rng.randrange(1, 100)],
        _npz({"a.npy": good}) + rng.randbytes(rng.randint(1, 30)),
        rng.randbytes(rng.randrange(200)),
    ]


def array_bomb(folder: Path, rng: random.Random) -> None:
    """Put arrays there that claim what is not there or not allowed, under hashes and a signature that fit."""
    if rng.random() < 0.2:
        (folder / "table.npy").write_bytes(npy(plain(rng.choice(["(1099511627776,)", "(7,)", "(-1,)"])), bytes(8)))
    else:
        put(folder / "scorer.npz", rng.choice(_bombs(rng)))
    reseal(folder, KEY)


MUTATIONS: dict[str, Mutation] = {
    "one bit flipped": flip_bit,
    "truncated": truncate,
    "bytes appended": append,
    "two files swapped": swap,
    "oversized": oversize,
    "extra file": add_file,
    "missing file": remove_file,
    "link in place of a file": link_file,
    "pipe or folder in place of a file": special_file,
    "edited and resealed without our key": edit_consistently,
    "no signature, or none that is one": unsign,
    "array bomb under our signature": array_bomb,
}
