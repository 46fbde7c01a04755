"""What the tests of releases share: small bundles, and names for those who act."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from common_utils.bundle import Bundle, write_bundle
from common_utils.bundle.signing import INTEGRITY_ONLY, Trust
from common_utils.releases.author import Author

NOON = datetime(2026, 11, 23, 12, 1, 2, tzinfo=UTC)
ANA = Author("ana", "fewer complaints")
BO = Author("bo", "more complaints")


def make(root: Path, number: int, trust: Trust = INTEGRITY_ONLY) -> Bundle:
    """Write a bundle whose content is a number."""
    return write_bundle(root, info={"n": number}, write=lambda f: f.joinpath("n").write_text(f"{number}"), trust=trust)
