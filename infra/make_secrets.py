"""Make the secrets of the compose profile: API keys, keys of bundles and of the decision log, a password for Grafana.

Existing files are left alone, so that it can be run again. The API keys are printed once, to be handed over; the files
hold their digests.

    python infra/make_secrets.py
"""

from __future__ import annotations

import argparse
import hashlib
import os
import secrets
import sys
from pathlib import Path

__all__ = ["make_secrets"]


def make_secrets(folder: Path) -> dict[str, str]:
    """Write what is missing into a folder; return the API keys that were made, by name.

    Parameters
    ----------
    folder : Path
        Made if it is not there, for its owner alone.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    made: dict[str, str] = {}
    if not (folder / "service_keys").exists():
        made = {"client": secrets.token_urlsafe(32), "prometheus": secrets.token_urlsafe(32)}
        roles = {"client": "predict", "prometheus": "admin"}
        lines = [f"{name}:{roles[name]}:{hashlib.sha256(key.encode()).hexdigest()}" for name, key in made.items()]
        _write(folder / "service_keys", "\n".join(lines) + "\n")
        _write(folder / "scrape_key", made["prometheus"])
    if not (folder / "bundle_keys").exists():
        _write(folder / "bundle_keys", f"first:{secrets.token_hex(32)}\n")
    if not (folder / "decision_keys").exists():
        _write(folder / "decision_keys", f"k1:{secrets.token_hex(32)}\n")
    if not (folder / "grafana_password").exists():
        _write(folder / "grafana_password", secrets.token_urlsafe(24))
    return made


def _write(path: Path, text: str) -> None:
    # A compose secret keeps the file's mode, and the services run as a user of their own: the folder is what is closed.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "w", encoding="utf-8") as stream:
        stream.write(text)


def main() -> int:
    """Make them, and print the keys."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path(__file__).with_name("secrets"))
    options = parser.parse_args()
    for name, key in make_secrets(options.folder).items():
        print(f"{name}: {key}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
