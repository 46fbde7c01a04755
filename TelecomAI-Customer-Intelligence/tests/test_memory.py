"""Memory of every command that takes a table: it does not grow with the table, unless the command has to hold it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from common_utils.bundle import Bundle
from common_utils.testing.memory.growth import Growth
from common_utils.testing.memory.table_project import ALL_MEMORY_CHECKS, growth_of_project
from common_utils.testing.table_fixtures import TableProject


@pytest.fixture(scope="module")
def grown(
    table_project: TableProject, bundle: Bundle, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, Growth]:
    return growth_of_project(table_project, bundle, tmp_path_factory.mktemp("memory"))


@pytest.mark.parametrize("check", ALL_MEMORY_CHECKS, ids=lambda check: check.__name__)
def test_the_commands_keep_their_promises_of_memory(
    table_project: TableProject,
    grown: Mapping[str, Growth],
    check: Callable[[TableProject, Mapping[str, Growth]], None],
) -> None:
    check(table_project, grown)
