"""The pointer of an artifacts root: which version is the current one, and the atomic change of it."""

from __future__ import annotations

import os
from pathlib import Path

from common_utils.bundle.durable import replace_link, sync
from common_utils.bundle.manifest import MANIFEST, is_version
from common_utils.errors import ArtifactError

__all__ = ["CHALLENGER", "FIXED_LINKS", "POINTER", "current_version", "move_pointer", "pointed_version"]

POINTER = "current"
CHALLENGER = "challenger"
"""The pointer to the version that is to prove itself; a root may have none."""
FIXED_LINKS = ("model.joblib", "metrics.json")
"""Links that never change: they lead through the pointer."""


def move_pointer(root: Path, version: str) -> None:
    """Let the pointer name a version; `bundle.set_current` verifies the bundle first.

    Parameters
    ----------
    root : Path
        Artifacts root.
    version : str
        Name of a folder in it.

    Raises
    ------
    ArtifactError
        If something of the caller's stands where a link belongs, or the disk refuses.
    """
    links = {name: f"{POINTER}/{name}" for name in FIXED_LINKS}
    for name in (*links, POINTER):
        if os.path.lexists(root / name) and not (root / name).is_symlink():
            raise ArtifactError(
                f"{root / name}: stands where a link belongs and was not made here. Move it away, then run again."
            )
    links[POINTER] = version  # last: this replacement is the publication
    try:
        for name, target in links.items():
            replace_link(root, name, target)
        sync(root)
    except OSError as error:
        raise ArtifactError(
            f"{root}: the pointer could not be changed ({error.strerror or error}). "
            "Correct the permissions or free space, then run again."
        ) from error


def current_version(root: Path) -> str | None:
    """Return the version `current` names, or None where nothing was published yet.

    Raises
    ------
    ArtifactError
        If `current` is not a link to a version beside it.
    """
    return pointed_version(root, POINTER)


def pointed_version(root: Path, pointer_name: str) -> str | None:
    """Return the version that POINTER or CHALLENGER names, or None where there is no such pointer.

    Raises
    ------
    ArtifactError
        If it is not a link to a version beside it.
    """
    pointer = root / pointer_name
    if not os.path.lexists(pointer):
        return None
    target = str(pointer.readlink()) if pointer.is_symlink() else ""
    if not is_version(target):
        remedy = _without_links(root) if pointer_name == POINTER else "Remove it, and name the challenger again."
        raise ArtifactError(f"{pointer}: is not a link to a version beside it. {remedy}")
    return target


def _without_links(root: Path) -> str:
    """Say what helps where a root was copied by something that keeps no links: a store, an archive, another system."""
    versions = sorted(path.name for path in root.iterdir() if is_version(path.name) and (path / MANIFEST).is_file())
    if not versions:
        return "Remove it and publish a bundle of this root again."
    copies = [
        name for name in (POINTER, *FIXED_LINKS) if os.path.lexists(root / name) and not (root / name).is_symlink()
    ]
    return (
        "The root was probably copied without its links. "
        f"Name the bundle itself, such as {root / versions[-1]}; or remove "
        f"{', '.join(copies) or POINTER} from the root and run `release promote {versions[-1]}`."
    )
