"""Settings of the decision log, the same section in every project. Light to import: no database driver."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from common_utils.config import BaseConfig
from common_utils.config.urls import without_password

__all__ = ["DecisionsConfig", "Durability"]

Durability = Literal["process", "disk"]
"""`process`: handed to the kernel, survives the death of every process; `disk`: synced, survives the machine's."""


class DecisionsConfig(BaseConfig):
    """Where decisions are logged, how safely, for how long.

    Examples
    --------
    >>> DecisionsConfig().durability, DecisionsConfig().retention_days
    ('process', 400)
    """

    log: bool = Field(default=True, description="whether decisions are logged; no: answers carry no event id")
    batch: bool = Field(
        default=False,
        description="whether commands that answer a file log each answer, with a manifest beside the output; a file of "
        "a million subscribers is a million entries",
    )
    url: str = Field(
        default="sqlite:///data/decisions/decisions.db",
        pattern=r"^(sqlite:///|postgresql://)",
        max_length=1024,
        description="store that `decisions ship` loads; a relative SQLite path counts from the project's folder",
    )
    durability: Durability = Field(
        default="process", description="process: survives the death of every process; disk: survives the machine"
    )
    journal: Path = Field(
        default=Path("data/decisions/journal"),
        description="folder of this replica's journal, relative to the project; must outlive a restart",
    )
    journal_megabytes: float = Field(
        default=100.0, gt=0, le=1_000_000, description="largest journal; beyond it answers go on, flagged unlogged"
    )
    key_file: Path | None = Field(
        default=None,
        description="file of `<id>:<64 hexadecimal digits>` lines, the key in use first; else DECISION_KEYS is read, "
        "else `data/decisions/keys` is made at the first start, readable by its owner only",
    )
    retention_days: int = Field(
        default=400, ge=1, le=36_500, description="days after which `decisions retain` deletes an entry"
    )

    @field_validator("url")
    @classmethod
    def _no_password(cls, url: str) -> str:
        return without_password(url, "PGPASSWORD")

    def environment(self, prefix: str) -> dict[str, str]:
        """Return these settings as environment variables of a project, for a service that is started with them.

        Examples
        --------
        >>> DecisionsConfig(log=False).environment("PLANREC")["PLANREC__DECISIONS__LOG"]
        'False'
        """
        said = self.model_dump(mode="json", exclude_none=True)
        return {f"{prefix}__DECISIONS__{name.upper()}": str(value) for name, value in said.items()}
