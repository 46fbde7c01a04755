"""Figures kept by digest: found again by the same settings and code alone, and a damaged file is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from common_utils.errors import ArtifactError
from planrec.config import PlanRecConfig
from planrec.study.kept import kept_or_measured, study_digest
from planrec.study.measure import Measured

FOUND = Measured({"a": 1.5, "b": float("nan")}, {"known.shipped": [2.0]})


def never() -> Measured:
    raise AssertionError("measured again")


def test_what_was_measured_is_not_measured_again(tmp_path: Path) -> None:
    assert kept_or_measured(tmp_path, "d" * 64, "logit", 1, lambda: FOUND) == FOUND
    again = kept_or_measured(tmp_path, "d" * 64, "logit", 1, never)
    assert (again.figures["a"], again.losses) == (1.5, FOUND.losses)
    assert np.isnan(again.figures["b"])


@pytest.mark.parametrize("other", [("e" * 64, "logit", 1), ("d" * 64, "satisficing", 1), ("d" * 64, "logit", 2)])
def test_another_digest_process_or_seed_is_measured(tmp_path: Path, other: tuple[str, str, int]) -> None:
    kept_or_measured(tmp_path, "d" * 64, "logit", 1, lambda: FOUND)
    with pytest.raises(AssertionError, match="measured again"):
        kept_or_measured(tmp_path, *other, never)


def test_without_a_folder_nothing_is_kept(tmp_path: Path) -> None:
    assert kept_or_measured(None, "d" * 64, "logit", 1, lambda: FOUND) is FOUND
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    kept_or_measured(tmp_path, "d" * 64, "logit", 1, lambda: FOUND)
    (path,) = tmp_path.iterdir()
    for text in ("{", "[]", '{"figures": {"a": "x"}, "losses": {}}'):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ArtifactError, match=r"cannot be read .*remove the file"):
            kept_or_measured(tmp_path, "d" * 64, "logit", 1, never)


def test_the_digest_is_of_settings_and_rules_and_not_of_the_seeds(
    settings: PlanRecConfig, project_folder: Path, tmp_path: Path
) -> None:
    usual = study_digest(settings, project_folder)

    def with_study(**changes: object) -> str:
        study = settings.evaluation.study.model_copy(update=changes)
        evaluation = settings.evaluation.model_copy(update={"study": study})
        return study_digest(settings.model_copy(update={"evaluation": evaluation}), project_folder)

    assert with_study(seeds=(7, 8, 9)) == usual
    assert with_study(subscribers=300) != usual
    rules = tmp_path / "rules.yaml"
    rules.write_text("version: mine\n", encoding="utf-8")
    assert study_digest(settings.model_copy(update={"rules": rules}), project_folder) != usual
