"""The members of the workspace, as the root `pyproject.toml` declares them."""

from __future__ import annotations

import tomllib
from pathlib import Path

__all__ = ["MEMBERS", "PROJECTS", "package_of"]

ROOT = Path(__file__).resolve().parents[1]

MEMBERS: tuple[str, ...] = tuple(
    tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["uv"]["workspace"]["members"]
)
"""Folders, the shared library first."""
PROJECTS = tuple(member for member in MEMBERS if member != "common_utils")
"""Members with a service."""


def package_of(member: str) -> str:
    """Return the name of a member's package and command.

    Examples
    --------
    >>> package_of("PlanRec")
    'planrec'
    """
    project = tomllib.loads((ROOT / member / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["name"]).replace("-", "_")
