"""Files of settings: finding, reading and writing them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.config.cases import Config, Source, Split, Training, load

from common_utils.config import BaseConfig, dump_config, find_config, load_config, resolve_path
from common_utils.errors import ConfigError


@pytest.mark.parametrize("override", ["training.seed", "=7", "training.=7", "", "training..seed=1"])
def test_malformed_override_is_refused(tmp_path: Path, override: str):
    with pytest.raises(ConfigError, match=r"--set .*write section\.key=value"):
        load(tmp_path, overrides=(override,))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"a: 1\ntraining: {}\na: 2\n", r"line 3: key 'a' is given twice, first on line 1", id="duplicate"),
        pytest.param(b"training:\n  seed: 1\n  seed: 1\n", r"line 3: key 'seed' is given twice", id="duplicate-nested"),
        pytest.param(b"- 1\n- 2\n", r"holds a list; sections with `key: value` are needed", id="list"),
        pytest.param(b"text", r"holds a str", id="text"),
        pytest.param(b"a: [1\n", r"not valid YAML: line 2", id="syntax"),
        pytest.param(b"a: 1\n---\nb: 2\n", r"not valid YAML", id="two-documents"),
        pytest.param(
            b"a: !!python/object/apply:os.getcwd []\n",
            r"not valid YAML: line 1: the tag .* is not allowed",
            id="python-object",
        ),
        pytest.param(b"a: !!int x\n", r"not valid YAML", id="wrong-tag"),
        pytest.param(b"a: \xff\n", r"not UTF-8 \(byte 3\)", id="latin-1"),
        pytest.param(b"a: \x00\n", r"not valid YAML: line 1: special characters", id="nul"),
        pytest.param(b"? [a]\n: 1\n", r"not valid YAML: line 1: a key is no plain word", id="list-as-key"),
    ],
)
def test_unusable_file_is_refused(tmp_path: Path, content: bytes, message: str):
    path = tmp_path / "config.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=rf"{re.escape(str(path))}: .*{message}"):
        load_config(Config, path=path, env_prefix="PLANREC", environ={})


def test_unreadable_file_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_config(Config, path=tmp_path, env_prefix="PLANREC", environ={})


def test_merge_keys_may_be_overridden(tmp_path: Path):
    text = "plans:\n  a: &a {fee_cents: 1}\n  b: &b {<<: *a, fee_cents: 2}\n  c: {<<: *b, fee_cents: 3}\n"
    plans = load(tmp_path, text).plans
    assert [plans[name].fee_cents for name in "abc"] == [1, 2, 3]


def test_configuration_is_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        Config().training.seed = 1  # type: ignore[misc]


def test_find_config_takes_explicit_then_environment_then_default(tmp_path: Path):
    explicit, named, default = (tmp_path / name for name in ("a.yaml", "b.yaml", "c.yaml"))
    for path in (explicit, named, default):
        path.touch()
    environ = {"PLANREC_CONFIG": str(named)}
    find = {"env_name": "PLANREC_CONFIG", "default": default}
    assert find_config(explicit, **find, environ=environ) == explicit  # type: ignore[arg-type]
    assert find_config(None, **find, environ=environ) == named  # type: ignore[arg-type]
    assert find_config(None, **find, environ={}) == default  # type: ignore[arg-type]
    assert find_config(None, **find, environ={"PLANREC_CONFIG": ""}) == default  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("explicit", "environ", "message"),
    [
        pytest.param(
            Path("no/a.yaml"), {"P": "no/b.yaml"}, r"no/a\.yaml \(from --config\) is not a file", id="explicit"
        ),
        pytest.param(None, {"P": "no/b.yaml"}, r"no/b\.yaml \(from P\) is not a file", id="environment"),
        pytest.param(None, {}, r"no/c\.yaml \(the default\) is not a file. Name one with --config or P", id="default"),
    ],
)
def test_find_config_tries_nothing_else(explicit: Path | None, environ: dict[str, str], message: str):
    with pytest.raises(ConfigError, match=message):
        find_config(explicit, env_name="P", default=Path("no/c.yaml"), environ=environ)


def test_find_config_reads_os_environ(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "b.yaml").touch()
    monkeypatch.setenv("PLANREC_CONFIG", str(tmp_path / "b.yaml"))
    assert find_config(None, env_name="PLANREC_CONFIG", default=Path("c.yaml")) == tmp_path / "b.yaml"


def test_resolve_path_counts_from_the_project():
    assert resolve_path(Path("/srv/p"), Path("configs/c.yaml")) == Path("/srv/p/configs/c.yaml")
    assert resolve_path(Path("/srv/p"), Path("/etc/c.yaml")) == Path("/etc/c.yaml")


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["no", "0123", "1e3", "1.5", "12:30", "null", "~", "", "2026-01-31", "<<", "=", "0x1F", "1_000", ".inf", "+1", "-0"]
)


@settings(deadline=None, max_examples=60)
@given(
    label=st.none() | texts,
    columns=st.dictionaries(texts, texts, max_size=3),
    seed=st.integers(),
    share=st.floats(1e-9, 0.999),
)
def test_dump_reads_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, label: str | None, columns: dict[str, str], seed: int, share: float
):
    config = Config(training=Training(seed=seed, split=Split(share=share)), data=Source(label=label, columns=columns))
    path = tmp_path_factory.getbasetemp() / "dumped.yaml"
    path.write_text(dump_config(config), encoding="utf-8", newline="")
    assert load_config(Config, path=path, env_prefix="X", environ={}) == config


def test_dump_keeps_the_order_of_the_classes():
    keys = list(yaml.safe_load(dump_config(Config())))
    assert keys == ["training", "data", "serving", "plans", "history", "fallback"]


def test_import_needs_no_table_library():
    code = "import sys, common_utils.config; print(sorted({'numpy', 'pandas', 'pydantic_settings'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_load_config_lets_the_file_override_a_sections_file(tmp_path: Path) -> None:
    class Part(BaseConfig):
        one: int = 1
        two: int = 1
        three: int = 1

    class Whole(BaseConfig):
        part: Part = Part()

    (tmp_path / "part.yaml").write_text("one: 2\ntwo: 2\n", encoding="utf-8")
    (tmp_path / "whole.yaml").write_text("part: {two: 3}\n", encoding="utf-8")
    got = load_config(
        Whole, path=tmp_path / "whole.yaml", sections={"part": tmp_path / "part.yaml"}, env_prefix="X", environ={}
    )
    assert got.part == Part(one=2, two=3, three=1)
