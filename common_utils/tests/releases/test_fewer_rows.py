"""A table that lost half of its rows: exactly half is refused, one row more is learnt from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.releases.cases import ANA

from common_utils.bundle import write_bundle
from common_utils.errors import DataError
from common_utils.releases import promote, publish
from common_utils.releases.fewer_rows import refuse_fewer_rows

ABOUT = {"counted": "kept", "source": "table", "table": "cars"}


@pytest.fixture
def live(tmp_path: Path) -> Path:
    """A root whose live bundle was trained on 101 rows of a table."""

    def write(folder: Path) -> None:
        (folder / "metrics.json").write_text(json.dumps({"source": "table"}))

    bundle = write_bundle(tmp_path, info={"row_counts": {"kept": 101}}, write=write)
    publish(tmp_path, bundle.path, author=ANA)
    promote(tmp_path, bundle.version, author=ANA)
    return tmp_path


@pytest.mark.parametrize(("kept", "read"), [(50, 100), (50, 101), (0, 1), (0, 0)])
def test_half_of_a_file_or_less_is_refused(kept: int, read: int, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"^cars: {kept} of {read} rows are left\. If that is meant, set training"):
        refuse_fewer_rows(tmp_path, kept, read=read, **ABOUT)


@pytest.mark.parametrize(("kept", "read"), [(51, 101), (51, 100), (1, 1)])
def test_more_than_half_of_a_file_is_learnt_from(kept: int, read: int, tmp_path: Path) -> None:
    refuse_fewer_rows(tmp_path, kept, read=read, **ABOUT)


def test_half_of_the_rows_of_the_live_bundle_is_refused_and_one_more_is_not(live: Path) -> None:
    with pytest.raises(DataError, match=r"cars: 50 rows, where the live bundle .* was trained on 101: half is missing"):
        refuse_fewer_rows(live, 50, read=60, **ABOUT)
    refuse_fewer_rows(live, 51, read=60, **ABOUT)


def test_another_source_or_count_is_not_compared_with(live: Path) -> None:
    refuse_fewer_rows(live, 1, read=1, **{**ABOUT, "source": "sample"})
    refuse_fewer_rows(live, 1, read=1, **{**ABOUT, "counted": "usage_months"})
