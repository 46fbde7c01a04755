"""What a run says beside its bundle: settings of the command line or the environment that the bundle has decided."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from pydantic import BaseModel

from common_utils.config import said_settings
from common_utils.errors import ConfigError
from planrec.config import SPEC, PlanRecConfig

__all__ = ["DECIDED", "SaidSettings"]

DECIDED = ("features", "advice", "offer", "rules")
"""Sections of the settings that a bundle answers by: those it was trained with, never those at hand."""

_MOST_NAMED = 5
_Key: TypeAlias = tuple[str, ...]


@dataclass(frozen=True)
class SaidSettings:
    """The settings at hand, and which of them were said for this run rather than read from a file.

    Attributes
    ----------
    config : PlanRecConfig
    origins : mapping of tuple of str to str
        Key of each setting that was said: the variable, or `--set` and the key.
    """

    config: PlanRecConfig
    origins: Mapping[_Key, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls, config: PlanRecConfig, overrides: Sequence[str] = (), *, environ: Mapping[str, str] | None = None
    ) -> SaidSettings:
        """Return what `--set` and the environment said of the settings at hand.

        Parameters
        ----------
        config : PlanRecConfig
            As loaded with them.
        overrides : sequence of str
            `advice.history_months=3`.
        environ : mapping, optional
            Read instead of `os.environ`.
        """
        given = os.environ if environ is None else environ
        return cls(config, said_settings(PlanRecConfig, env_prefix=SPEC.prefix, overrides=overrides, environ=given))

    def decided(self) -> dict[_Key, str]:
        """Return those that a bundle decides, with where they were said."""
        return {key: origin for key, origin in self.origins.items() if key[0] in DECIDED}

    def environment(self) -> dict[str, str]:
        """Return those that a bundle decides as variables, so that a service started for this run sees them.

        Examples
        --------
        >>> from planrec.config import load_planrec_config
        >>> overrides = ["advice.history_months=3"]
        >>> config = load_planrec_config(project, overrides=overrides, environ={})
        >>> SaidSettings.of(config, overrides, environ={}).environment()
        {'PLANREC__ADVICE__HISTORY_MONTHS': '3'}
        """
        return {
            "__".join([SPEC.prefix, *(part.upper() for part in key)]): _said(_value(self.config, key))
            for key in self.decided()
        }

    def refuse_other_than(self, trained: PlanRecConfig, name: str) -> None:
        """See that nothing said differs from what a bundle was trained with; files are not asked.

        Parameters
        ----------
        trained : PlanRecConfig
            The settings of the bundle.
        name : str
            What messages call it.

        Raises
        ------
        ConfigError
            Naming each setting that differs, both values, and where it was said.

        Examples
        --------
        >>> from planrec.config import load_planrec_config
        >>> trained = load_planrec_config(project, environ={})
        >>> at_hand = load_planrec_config(project, overrides=["advice.history_months=2"], environ={})
        >>> said = SaidSettings.of(at_hand, ["advice.history_months=2"], environ={})
        >>> said.refuse_other_than(trained, "bundle v1")
        Traceback (most recent call last):
        common_utils.errors.ConfigError: bundle v1 answers by the settings it was trained with:
        advice.history_months (from --set advice.history_months): 2 was asked for, the bundle has 6
        Leave the setting out, choose another bundle, or train one with it; a rule file is named with --rules.
        """
        other = [
            f"{'.'.join(key)} (from {origin}): {_said(asked)} was asked for, the bundle has {_said(held)}"
            for key, origin in self.decided().items()
            if (asked := _value(self.config, key)) != (held := _value(trained, key))
        ]
        if other:
            more = [f"and {len(other) - _MOST_NAMED} more"] if len(other) > _MOST_NAMED else []
            raise ConfigError(
                "\n".join(
                    [
                        f"{name} answers by the settings it was trained with:",
                        *other[:_MOST_NAMED],
                        *more,
                        "Leave the setting out, choose another bundle, or train one with it; a rule file is named "
                        "with --rules.",
                    ]
                )
            )


def _value(config: PlanRecConfig, key: _Key) -> object:
    value: object = config
    for part in key:
        value = getattr(value, part) if isinstance(value, BaseModel) else None
    return value


def _said(value: object) -> str:
    return "null" if value is None else str(value)
