"""Whoever knows the life of a bundle in one project knows it in all: the same commands with the same options."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
import typer

PROJECTS = ("planrec", "bankchurn", "carvision", "telecom")
GROUPS = {"release", "lifecycle", "bias", "monitor", "decisions", "data"}
OWN = {  # what a project's own question needs
    *("planrec bias proxies", "planrec bias threshold", "planrec decisions off-policy"),
}


def _commands(project: str) -> dict[str, set[str]]:
    """Return the commands of the groups with their options and arguments, and what each is for."""
    groups: Any = typer.main.get_command(import_module(f"{project}.cli").app)
    assert groups.commands.keys() >= GROUPS
    return {
        f"{group} {name}": {"|".join(sorted(one.opts)) for one in command.params} | {str(command.help)}
        for group in GROUPS
        for name, command in groups.commands[group].commands.items()
        if f"{project} {group} {name}" not in OWN
    }


def test_it_is_looked_at_what_there_is() -> None:
    found = _commands("planrec")
    assert {"lifecycle status", "lifecycle pardon", "release challenge", "data verify", "bias report"} <= found.keys()
    assert "--json" in found["lifecycle status"]


@pytest.mark.parametrize("project", PROJECTS[1:])
def test_the_life_of_a_bundle_has_the_same_commands_in_every_project(project: str) -> None:
    assert _commands(project).keys() == _commands("planrec").keys()
    for name, options in _commands("planrec").items():
        if name != "monitor explain":  # says subscribers in PlanRec
            assert _commands(project)[name] == options, name
