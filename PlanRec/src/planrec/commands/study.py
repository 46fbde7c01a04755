"""`planrec study`: every promise measured where the truth is known."""

from __future__ import annotations

from planrec.commands.options import ConfigOption, SetOption, StudyJsonOption, StudyOutputOption
from planrec.commands.requests import SettingsRequest, StudyRequest

__all__ = ["study"]


def study(
    output: StudyOutputOption = None,
    as_json: StudyJsonOption = False,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Measure every promise on simulated operators whose truth is known; 5 if one is not kept. Takes minutes."""
    from planrec.commands.run.study import run_study

    run_study(StudyRequest(SettingsRequest.of(config, overrides), output, as_json))
