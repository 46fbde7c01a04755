from __future__ import annotations

import os
import random
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from common_utils import DEFAULT_SEED, set_seed
from common_utils.errors import ConfigError


@pytest.fixture(autouse=True)
def global_state_put_back(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONHASHSEED", "0")
    python, numpy = random.getstate(), np.random.get_state()
    yield
    random.setstate(python)
    np.random.set_state(numpy)


def _draws() -> tuple[float, float]:
    return random.random(), float(np.random.random_sample())  # noqa: S311 - the generator under test


@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(0, id="smallest"),
        pytest.param(7, id="any"),
        pytest.param(2**32 - 1, id="largest"),
        pytest.param(np.int64(7), id="numpy-integer"),
    ],
)
def test_set_seed_returns_it_and_repeats_every_generator(seed: int):
    returned = set_seed(seed)
    first = _draws()
    set_seed(seed)
    assert _draws() == first
    assert returned == seed
    assert type(returned) is int
    assert os.environ["PYTHONHASHSEED"] == str(int(seed))


def test_set_seed_defaults_to_42():
    assert DEFAULT_SEED == 42
    assert set_seed() == 42
    by_default = _draws()
    set_seed(42)
    assert _draws() == by_default


def test_set_seed_differs_between_seeds():
    set_seed(1)
    one = _draws()
    set_seed(2)
    assert _draws() != one


@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(True, id="bool"),
        pytest.param(-1, id="negative"),
        pytest.param(2**32, id="too-large"),
        pytest.param(1.0, id="float"),
        pytest.param("7", id="text"),
        pytest.param(None, id="none"),
    ],
)
def test_set_seed_refuses_and_touches_nothing(seed: object):
    before = random.getstate()
    with pytest.raises(ConfigError, match="seed: a whole number from 0 to 4294967295 is needed, not"):
        set_seed(seed)  # type: ignore[arg-type]
    assert random.getstate() == before
    assert os.environ["PYTHONHASHSEED"] == "0"


@pytest.mark.parametrize("cuda", [True, False], ids=["cuda", "cpu-only"])
def test_set_seed_seeds_torch_where_installed(monkeypatch: pytest.MonkeyPatch, *, cuda: bool):
    calls: list[tuple[str, int]] = []
    torch = SimpleNamespace(
        manual_seed=lambda seed: calls.append(("cpu", seed)),
        cuda=SimpleNamespace(is_available=lambda: cuda, manual_seed_all=lambda seed: calls.append(("cuda", seed))),
    )
    monkeypatch.setitem(sys.modules, "torch", torch)
    set_seed(5)
    assert calls == ([("cpu", 5), ("cuda", 5)] if cuda else [("cpu", 5)])


def test_set_seed_imports_no_torch_where_there_is_none(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "torch", None)  # any import of it would raise
    assert set_seed(5) == 5
