"""A trained model with everything needed to trust it: written whole, signed, verified before it is opened."""

from __future__ import annotations

from common_utils.bundle.bundle import Bundle, open_bundle, set_current, write_bundle
from common_utils.bundle.manifest import FileEntry
from common_utils.bundle.pointer import current_version
from common_utils.bundle.provenance import fingerprint_bytes, fingerprint_file, git_commit, library_versions
from common_utils.bundle.settings import check_project, trained_settings

__all__ = [
    "Bundle",
    "FileEntry",
    "check_project",
    "current_version",
    "fingerprint_bytes",
    "fingerprint_file",
    "git_commit",
    "library_versions",
    "open_bundle",
    "set_current",
    "trained_settings",
    "write_bundle",
]
