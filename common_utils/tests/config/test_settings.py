"""Which settings hold, and which stop the run."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import yaml
from pydantic import Field
from tests.config.cases import Config, Plan, Split, load

from common_utils.config import BaseConfig, dump_config, load_config
from common_utils.errors import ConfigError


def test_defaults_stand_where_nothing_is_set(tmp_path: Path):
    assert load(tmp_path) == Config()
    assert load(tmp_path, "") == Config()
    assert load(tmp_path, "# only a comment\n") == Config()
    assert load(tmp_path, "\ufefftraining: {seed: 3}").training.seed == 3


def test_each_source_beats_the_one_before(tmp_path: Path):
    text = "training:\n  seed: 1\n  split: {test_months: 3}\n"
    environ = {"PLANREC__TRAINING__SEED": "2"}
    assert load(tmp_path, text).training.seed == 1
    assert load(tmp_path, text, environ=environ).training.seed == 2
    last = load(tmp_path, text, environ=environ, overrides=("training.seed=3", "training.seed=4"))
    assert last.training.seed == 4
    assert last.training.split == Split(test_months=3, share=0.2)


def test_environment_is_os_environ_unless_given(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PLANREC__TRAINING__SEED", "5")
    assert load_config(Config, path=None, env_prefix="PLANREC").training.seed == 5


def test_mappings_are_merged_and_lists_replaced(tmp_path: Path):
    loaded = load(
        tmp_path,
        "data: {columns: {a: x, b: y}}\ntraining: {drop_columns: [p, q]}",
        environ={"PLANREC__DATA": "{columns: {b: z}}", "PLANREC__TRAINING__DROP_COLUMNS": "[r]"},
        overrides=("data.columns.c=w",),
    )
    assert loaded.data.columns == {"a": "x", "b": "z", "c": "w"}
    assert loaded.training.drop_columns == ("r",)


def test_a_single_variable_beats_the_whole_section(tmp_path: Path):
    environ = {"PLANREC__TRAINING__SEED": "7", "PLANREC__TRAINING": "{seed: 1, algorithm: boosting}"}
    training = load(tmp_path, environ=environ).training
    assert (training.seed, training.algorithm) == (7, "boosting")


def test_environment_reaches_into_mappings_of_sections(tmp_path: Path):
    assert load(tmp_path, environ={"PLANREC__PLANS__SURF__FEE_CENTS": "2000"}).plans == {"surf": Plan(fee_cents=2000)}


def test_environment_names_ignore_case(tmp_path: Path):
    assert load(tmp_path, environ={"PLANREC__training__Seed": "7"}).training.seed == 7


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
        loaded = load(tmp_path, environ=environ | {f"PLANREC__{key.replace('.', '__').upper()}": text})
    else:
        loaded = load(tmp_path, environ=environ, overrides=(f"{key}={text}",))
    value: object = loaded
    for part in key.split("."):
        value = getattr(value, part)
    assert value == expected


@pytest.mark.parametrize("text", ["042", "4_2", "00", "0_1", "-07"])
@pytest.mark.parametrize("source", ["file", "environment", "override"])
def test_a_text_that_only_looks_like_a_number_is_none(tmp_path: Path, source: str, text: str) -> None:
    said = {
        "file": {"text": f"training:\n  seed: {text}\n"},
        "environment": {"environ": {"PLANREC__TRAINING__SEED": text}},
        "override": {"overrides": (f"training.seed={text}",)},
    }[source]
    with pytest.raises(ConfigError, match=r"(?s)training.seed \(from .*\): write a number: digits, no 0 before them"):
        load(tmp_path, **said)


@pytest.mark.parametrize("text", ["yes", "no", "on", "Off", "y", "1", "0", "1.0", '"true"', "[true]"])
@pytest.mark.parametrize("source", ["file", "environment", "override"])
def test_booleans_are_true_or_false(tmp_path: Path, source: str, text: str) -> None:
    said = {
        "file": {"text": f"serving:\n  debug: {text}\n"},
        "environment": {"environ": {"PLANREC__SERVING__DEBUG": text}},
        "override": {"overrides": (f"serving.debug={text}",)},
    }[source]
    said["environ"] = {"PLANREC__SERVING__API_KEY": "dev"} | said.get("environ", {})
    with pytest.raises(ConfigError, match=r"(?s)serving.debug \(from .*\): write true or false"):
        load(tmp_path, **said)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("plans: {surf: {fee_cents: 0750}}", "plans.surf.fee_cents"),
        ("history: [{fee_cents: 1}, {fee_cents: 1_0}]", "history.1.fee_cents"),
        ("fallback: {fee_cents: 0750}", "fallback.fee_cents"),
    ],
)
def test_numbers_in_sections_of_sections_are_looked_at(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(ConfigError, match=f"{key} .*: write a number"):
        load(tmp_path, text)


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
        text = yaml.safe_dump(nested)
        origin = f"{tmp_path / 'config.yaml'} line {key.count('.') + ('splt' not in key)}"
    elif source == "environment":
        origin = f"PLANREC__{key.replace('.', '__').upper()}"
        environ = {origin: "1"}
    else:
        overrides, origin = (f"{key}=1",), f"--set {key}"
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text, environ=environ, overrides=overrides)
    message = str(caught.value)
    assert f"(from {origin}): unknown setting; " in message
    assert hint in message


def test_section_without_fields_knows_nothing():
    class Empty(BaseConfig):
        pass

    with pytest.raises(ConfigError, match=r"a.*unknown setting; known here: nothing"):
        load_config(Empty, path=None, env_prefix="X", overrides=["a=1"], environ={})


def test_unknown_key_in_a_list_of_sections_is_named(tmp_path: Path):
    with pytest.raises(
        ConfigError, match=r"history\.1\.fee \(from .*config\.yaml line 3\): unknown setting; did you mean"
    ):
        load(tmp_path, "history:\n- {fee_cents: 1}\n- {fee_cents: 1, fee: 2}\n")


@pytest.mark.parametrize(
    ("text", "overrides", "message"),
    [
        pytest.param(
            "training: {seed: x}",
            (),
            r"training\.seed \(from .*\.yaml line 1\): Input should be a valid integer",
            id="type",
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
            "serving: {api_key: bad1}",
            (),
            r"serving\.api_key \(from .*\.yaml line 1\): 'bad1' is not a key",
            id="own-check",
        ),
        pytest.param(
            "serving: {debug: true}",
            ("serving.api_key=k1",),
            r"serving \(from .*yaml line 1, --set serving\.api_key\): debug with key k1",
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
        load(tmp_path, text, overrides=overrides)


def test_a_wrong_default_is_named_as_such():
    class Wrong(BaseConfig):
        months: int = Field(0, ge=1)

    with pytest.raises(ConfigError, match=r"months \(by default\): .*greater than or equal to 1"):
        load_config(Wrong, path=None, env_prefix="X", environ={})


def test_no_more_than_five_errors_are_listed(tmp_path: Path):
    overrides = tuple(f"unknown_{number}=1" for number in range(8))
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, overrides=overrides)
    lines = str(caught.value).splitlines()
    assert lines[0] == "8 settings are invalid:"
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
        load(tmp_path, environ=environ)
    error = caught.value
    assert "s3cret" not in str(error)
    assert "PLANREC__" in str(error)
    assert error.__suppress_context__


def test_secrets_are_not_dumped(tmp_path: Path):
    loaded = load(tmp_path, environ={"PLANREC__SERVING__TOKEN": "s3cret"})
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
        load(tmp_path, environ=environ)


def test_names_that_are_no_settings_are_left_alone(tmp_path: Path):
    environ = {"PLANREC_CONFIG": "x", "PLANREC_SERVICE_HOST": "10.0.0.1", "PLANREC": "x", "PLANRECORDER__A": "x"}
    assert load(tmp_path, environ=environ) == Config()
