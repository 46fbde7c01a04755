from __future__ import annotations

import re
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Literal

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator

from common_utils.config import BaseConfig, dump_config, find_config, load_config, resolve_path
from common_utils.errors import ConfigError


class Split(BaseConfig):
    test_months: int = Field(2, ge=1, description="Length of the test window, whole months")
    share: float = Field(0.2, gt=0, lt=1)


class Training(BaseConfig):
    seed: int = 42
    algorithm: Literal["logit", "boosting"] = "logit"
    split: Split = Split()
    drop_columns: tuple[str, ...] = ()


class Source(BaseConfig):
    path: Path = Path("data")
    columns: dict[str, str] = Field(default_factory=dict)
    start: date | None = None
    label: str | None = None


class Plan(BaseConfig):
    fee_cents: int


class Serving(BaseConfig):
    api_key: str = ""
    token: SecretStr = SecretStr("")
    debug: bool = False

    @field_validator("api_key")
    @classmethod
    def _careless(cls, value: str) -> str:
        if value.startswith("bad"):
            raise ValueError(f"{value!r} is no key")
        return value

    @model_validator(mode="after")
    def _debug_needs_a_key(self) -> Serving:
        if self.debug and not self.api_key.startswith("dev"):
            raise ValueError(f"debug with key {self.api_key}")
        return self


class Config(BaseConfig):
    training: Training = Training()
    data: Source = Source()
    serving: Serving = Serving()
    plans: dict[str, Plan] = Field(default_factory=dict)
    history: tuple[Plan, ...] = ()
    fallback: Plan | None = None


def _load(
    tmp_path: Path, text: str | None = None, *, environ: dict[str, str] | None = None, overrides: tuple[str, ...] = ()
) -> Config:
    path = None
    if text is not None:
        path = tmp_path / "config.yaml"
        path.write_text(text, encoding="utf-8")
    return load_config(Config, path=path, env_prefix="PLANREC", overrides=overrides, environ=environ or {})


def test_defaults_stand_where_nothing_is_set(tmp_path: Path):
    assert _load(tmp_path) == Config()
    assert _load(tmp_path, "") == Config()
    assert _load(tmp_path, "# only a comment\n") == Config()
    assert _load(tmp_path, "\ufefftraining: {seed: 3}").training.seed == 3


def test_each_source_beats_the_one_before(tmp_path: Path):
    text = "training:\n  seed: 1\n  split: {test_months: 3}\n"
    environ = {"PLANREC__TRAINING__SEED": "2"}
    assert _load(tmp_path, text).training.seed == 1
    assert _load(tmp_path, text, environ=environ).training.seed == 2
    last = _load(tmp_path, text, environ=environ, overrides=("training.seed=3", "training.seed=4"))
    assert last.training.seed == 4
    assert last.training.split == Split(test_months=3, share=0.2)


def test_environment_is_os_environ_unless_given(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PLANREC__TRAINING__SEED", "5")
    assert load_config(Config, path=None, env_prefix="PLANREC").training.seed == 5


def test_mappings_are_merged_and_lists_replaced(tmp_path: Path):
    loaded = _load(
        tmp_path,
        "data: {columns: {a: x, b: y}}\ntraining: {drop_columns: [p, q]}",
        environ={"PLANREC__DATA": "{columns: {b: z}}", "PLANREC__TRAINING__DROP_COLUMNS": "[r]"},
        overrides=("data.columns.c=w",),
    )
    assert loaded.data.columns == {"a": "x", "b": "z", "c": "w"}
    assert loaded.training.drop_columns == ("r",)


def test_a_single_variable_beats_the_whole_section(tmp_path: Path):
    environ = {"PLANREC__TRAINING__SEED": "7", "PLANREC__TRAINING": "{seed: 1, algorithm: boosting}"}
    training = _load(tmp_path, environ=environ).training
    assert (training.seed, training.algorithm) == (7, "boosting")


def test_environment_reaches_into_mappings_of_sections(tmp_path: Path):
    assert _load(tmp_path, environ={"PLANREC__PLANS__SURF__FEE_CENTS": "2000"}).plans == {"surf": Plan(fee_cents=2000)}


def test_environment_names_ignore_case(tmp_path: Path):
    assert _load(tmp_path, environ={"PLANREC__training__Seed": "7"}).training.seed == 7


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        pytest.param("007", "data.label", "007", id="leading-zeros"),
        pytest.param("7", "data.label", "7", id="number-for-text"),
        pytest.param("no", "data.label", "no", id="norway"),
        pytest.param("12:30", "data.label", "12:30", id="clock"),
        pytest.param("true", "data.label", "true", id="true-for-text"),
        pytest.param('"quoted"', "data.label", "quoted", id="quotes-fall-away"),
        pytest.param("null", "data.label", None, id="null"),
        pytest.param("", "data.label", None, id="empty-is-null"),
        pytest.param("", "serving.api_key", "", id="empty-is-empty-text"),
        pytest.param("2026", "data.path", Path("2026"), id="path"),
        pytest.param("{user: subscriber_id}", "data.columns", {"user": "subscriber_id"}, id="mapping-of-text"),
        pytest.param("2026-01-31", "data.start", date(2026, 1, 31), id="date"),
        pytest.param("1e-3", "training.split.share", 0.001, id="exponent-without-point"),
        pytest.param("a=b", "data.label", "a=b", id="equals-sign-in-value"),
        pytest.param("true", "serving.debug", True, id="boolean"),
    ],
)
@pytest.mark.parametrize("source", ["environment", "override"])
def test_values_are_read_as_the_setting_needs(tmp_path: Path, source: str, text: str, key: str, expected: object):
    environ = {"PLANREC__SERVING__API_KEY": "dev"} if key == "serving.debug" else {}
    if source == "environment":
        loaded = _load(tmp_path, environ=environ | {f"PLANREC__{key.replace('.', '__').upper()}": text})
    else:
        loaded = _load(tmp_path, environ=environ, overrides=(f"{key}={text}",))
    value: object = loaded
    for part in key.split("."):
        value = getattr(value, part)
    assert value == expected


UNKNOWN = [
    pytest.param("training.sede", "did you mean 'training.seed'?", id="slip"),
    pytest.param("training.splt.share", "did you mean 'training.split'?", id="section-slip"),
    pytest.param("seed", "did you mean 'training.seed'?", id="section-forgotten"),
    pytest.param("training.split.test_month", "did you mean 'training.split.test_months'?", id="deep"),
    pytest.param("data.zzz", "known here: data.path, data.columns, data.start, data.label", id="nothing-near"),
    pytest.param("plans.surf.fee", "did you mean 'plans.fee_cents'?", id="inside-a-mapping"),
]


@pytest.mark.parametrize(("key", "hint"), UNKNOWN)
@pytest.mark.parametrize("source", ["file", "environment", "override"])
def test_unknown_key_stops_the_run(tmp_path: Path, source: str, key: str, hint: str):
    text, environ, overrides = None, {}, ()
    if source == "file":
        nested: object = 1
        for part in reversed(key.split(".")):
            nested = {part: nested}
        text, origin = yaml.safe_dump(nested), str(tmp_path / "config.yaml")
    elif source == "environment":
        origin = f"PLANREC__{key.replace('.', '__').upper()}"
        environ = {origin: "1"}
    else:
        overrides, origin = (f"{key}=1",), f"--set {key}"
    with pytest.raises(ConfigError) as caught:
        _load(tmp_path, text, environ=environ, overrides=overrides)
    message = str(caught.value)
    assert f"(from {origin}): unknown setting; " in message
    assert hint in message


def test_section_without_fields_knows_nothing():
    class Empty(BaseConfig):
        pass

    with pytest.raises(ConfigError, match=r"a.*unknown setting; known here: nothing"):
        load_config(Empty, path=None, env_prefix="X", overrides=["a=1"], environ={})


def test_unknown_key_in_a_list_of_sections_is_named(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"history\.1\.fee \(from .*config\.yaml\): unknown setting; did you mean"):
        _load(tmp_path, "history:\n- {fee_cents: 1}\n- {fee_cents: 1, fee: 2}\n")


@pytest.mark.parametrize(
    ("text", "overrides", "message"),
    [
        pytest.param(
            "training: {seed: x}", (), r"training\.seed \(from .*\.yaml\): Input should be a valid integer", id="type"
        ),
        pytest.param(
            None,
            ("training.split.test_months=0",),
            r"test_months \(from --set training\.split\.test_months\): .*greater than or equal to 1",
            id="range",
        ),
        pytest.param("training: {algorithm: svm}", (), r"'logit' or 'boosting'", id="choice"),
        pytest.param(
            "training: 3", (), r"training \(from .*\): Input should be a valid dictionary", id="section-is-a-number"
        ),
        pytest.param("training: {split: {share: .nan}}", (), r"share .*finite number|valid number", id="nan"),
        pytest.param("data: {label: 7}", (), r"data\.label .*valid string; put quotes round it", id="number-for-text"),
        pytest.param("plans: {surf: {}}", (), r"plans\.surf\.fee_cents \(set nowhere\): required", id="missing"),
        pytest.param(
            "serving: {api_key: bad1}", (), r"serving\.api_key \(from .*\.yaml\): 'bad1' is no key", id="own-check"
        ),
        pytest.param(
            "serving: {debug: true}",
            ("serving.api_key=k1",),
            r"serving \(from .*yaml, --set serving\.api_key\): debug with key k1",
            id="section-check",
        ),
        pytest.param(
            None,
            ("history.0=1",),
            r"history .*from --set history\.0\): Input should be a valid tuple",
            id="no-index-into-lists",
        ),
    ],
)
def test_value_error_names_key_cause_and_source(
    tmp_path: Path, text: str | None, overrides: tuple[str, ...], message: str
):
    with pytest.raises(ConfigError, match=message):
        _load(tmp_path, text, overrides=overrides)


def test_a_wrong_default_is_named_as_such():
    class Wrong(BaseConfig):
        months: int = Field(0, ge=1)

    with pytest.raises(ConfigError, match=r"months \(by default\): .*greater than or equal to 1"):
        load_config(Wrong, path=None, env_prefix="X", environ={})


def test_no_more_than_five_errors_are_listed(tmp_path: Path):
    overrides = tuple(f"unknown_{number}=1" for number in range(8))
    with pytest.raises(ConfigError) as caught:
        _load(tmp_path, overrides=overrides)
    lines = str(caught.value).splitlines()
    assert lines[0] == "8 settings cannot be used:"
    assert len(lines) == 7
    assert lines[-1] == "and 3 more"


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param({"PLANREC__SERVING__API_KEY": "bad-s3cret"}, id="own-check-repeats-it"),
        pytest.param({"PLANREC__SERVING__API_KEY": "bad-s3cret]: ["}, id="own-check-odd-characters"),
        pytest.param({"PLANREC__SERVING__API_KEY": "[bad-s3cret"}, id="not-yaml"),
        pytest.param({"PLANREC__TRAINING__SEED": "bad-s3cret"}, id="wrong-type"),
        pytest.param({"PLANREC__TRAINING__ALGORITHM": "bad-s3cret"}, id="wrong-choice"),
        pytest.param({"PLANREC__SERVING__API_KEY": "a-s3cret", "PLANREC__SERVING__DEBUG": "true"}, id="section-check"),
        pytest.param({"PLANREC__SERVING__APIKEY": "bad-s3cret"}, id="unknown-name"),
    ],
)
def test_values_of_the_environment_are_not_repeated(tmp_path: Path, environ: dict[str, str]):
    with pytest.raises(ConfigError) as caught:
        _load(tmp_path, environ=environ)
    error = caught.value
    assert "s3cret" not in str(error)
    assert "PLANREC__" in str(error)
    assert error.__suppress_context__


def test_secrets_are_not_dumped(tmp_path: Path):
    loaded = _load(tmp_path, environ={"PLANREC__SERVING__TOKEN": "s3cret"})
    assert loaded.serving.token.get_secret_value() == "s3cret"
    assert "s3cret" not in dump_config(loaded)


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        pytest.param(
            {"PLANREC_TRAINING__SEED": "1"},
            r"PLANREC_TRAINING__SEED: unknown setting; did you mean PLANREC__TRAINING__SEED\?",
            id="one-underscore",
        ),
        pytest.param({"PLANREC__SEED": "1", "PLANREC__seed": "2"}, "name the same setting; remove one", id="twice"),
        pytest.param({"PLANREC__": "1"}, "unknown setting", id="no-name"),
    ],
)
def test_doubtful_environment_names_stop_the_run(tmp_path: Path, environ: dict[str, str], message: str):
    with pytest.raises(ConfigError, match=message):
        _load(tmp_path, environ=environ)


def test_names_that_are_no_settings_are_left_alone(tmp_path: Path):
    environ = {"PLANREC_CONFIG": "x", "PLANREC_SERVICE_HOST": "10.0.0.1", "PLANREC": "x", "PLANRECORDER__A": "x"}
    assert _load(tmp_path, environ=environ) == Config()


@pytest.mark.parametrize("override", ["training.seed", "=7", "training.=7", "", "training..seed=1"])
def test_malformed_override_is_refused(tmp_path: Path, override: str):
    with pytest.raises(ConfigError, match=r"--set .*write section\.key=value"):
        _load(tmp_path, overrides=(override,))


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
            r"not valid YAML: line 1: could not determine",
            id="python-object",
        ),
        pytest.param(b"a: !!int x\n", r"not valid YAML", id="wrong-tag"),
        pytest.param(b"a: \xff\n", r"not UTF-8 \(byte 3\)", id="latin-1"),
        pytest.param(b"a: \x00\n", r"not valid YAML: special characters", id="nul"),
        pytest.param(b"? [a]\n: 1\n", r"not valid YAML: line 1: found unhashable key", id="list-as-key"),
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
    plans = _load(tmp_path, text).plans
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
