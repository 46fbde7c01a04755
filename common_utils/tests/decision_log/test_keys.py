"""Keys: made once with a mode of their own, rotated without losing a join, never shown."""

from __future__ import annotations

import hmac
from pathlib import Path

import pytest

from common_utils.decision_log.config import DecisionsConfig
from common_utils.decision_log.keys import (
    KEYS_VARIABLE,
    Key,
    KeyRing,
    KeysUnavailableError,
    default_key_file,
    load_keys,
    mac,
    parse_keys,
    rotate,
)
from common_utils.errors import ConfigError

LINE = "k1:" + "a" * 64


@pytest.mark.parametrize("length", [1, 32, 63, 64])
def test_mac_is_hmac_blake2s(length: int) -> None:
    for message in (b"", b"x", b"y" * 200):
        assert mac(b"k" * length)(message) == hmac.digest(b"k" * length, message, "blake2s").hex()[:32]


def test_a_fresh_clone_makes_its_keys_once_for_its_owner_only(tmp_path: Path) -> None:
    config = DecisionsConfig()
    first, second = (load_keys(config, tmp_path, environ={}) for _ in range(2))
    assert first == second
    assert default_key_file(config, tmp_path).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "data" / "decisions").iterdir()] == ["keys"]


def test_keys_come_from_the_environment_or_a_file_not_both(tmp_path: Path) -> None:
    assert load_keys(DecisionsConfig(), tmp_path, environ={KEYS_VARIABLE: LINE}).current.name == "k1"
    with pytest.raises(ConfigError, match="both give keys"):
        load_keys(DecisionsConfig(key_file=Path("keys")), tmp_path, environ={KEYS_VARIABLE: LINE})
    with pytest.raises(ConfigError, match="cannot be read") as told:
        load_keys(DecisionsConfig(key_file=Path("missing")), tmp_path, environ={})
    assert not isinstance(told.value, KeysUnavailableError)
    (tmp_path / "data").write_text("")
    with pytest.raises(KeysUnavailableError):
        load_keys(DecisionsConfig(), tmp_path, environ={})


@pytest.mark.parametrize(
    "text", ["", "k1:abc", LINE + "\n" + LINE, LINE + "\nk1:" + "b" * 64, "k 1:" + "a" * 64], ids=repr
)
def test_bad_keys_are_refused_without_being_shown(text: str) -> None:
    with pytest.raises(ConfigError) as told:
        parse_keys(text, "keys")
    assert "aaaa" not in str(told.value)
    assert "abc" not in str(told.value)


def test_rotation_keeps_joins_and_events_and_not_the_key_of_contents(tmp_path: Path) -> None:
    config = DecisionsConfig()
    before = load_keys(config, tmp_path, environ={})
    assert rotate(default_key_file(config, tmp_path), before) == "k2"
    after = load_keys(config, tmp_path, environ={})
    assert [key.name for key in after.keys] == ["k2", "k1"]
    assert after.subject("demo", "S1") != before.subject("demo", "S1")
    assert before.subject("demo", "S1") in after.subjects("demo", "S1")
    assert after.event("crm", "1") == before.event("crm", "1")
    assert after.digest(b"x") != before.digest(b"x")
    assert after.draw("e") == before.draw("e")


def test_subject_event_and_digest_do_not_meet() -> None:
    keys = KeyRing((Key("k1", b"s" * 32),))
    assert "s" * 32 not in repr(keys)
    assert keys.subject("planrec", "x") != keys.subject("bankchurn", "x")
    made = {keys.event("a", "b|x"), keys.event("a\0b", "x"), keys.digest(b"a\0b|x")[3:], keys.subject("a", "x")[3:]}
    assert len(made) == 4
    assert all(0 <= keys.draw(str(i)) < 1 for i in range(50))


def test_a_password_in_the_url_is_refused() -> None:
    with pytest.raises(ValueError, match="PGPASSWORD"):
        DecisionsConfig(url="postgresql://planrec:secret@db/log")
    with pytest.raises(ValueError, match="PGPASSWORD"):
        DecisionsConfig(url="postgresql://planrec@db/log?sslmode=require&password=secret")
    assert DecisionsConfig(url="postgresql://planrec@db/log?sslmode=require").url.endswith("require")
    with pytest.raises(ValueError, match="pattern"):
        DecisionsConfig(url="mysql://x")
