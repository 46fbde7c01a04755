from __future__ import annotations

from pathlib import Path

import pytest

from common_utils.errors import ConfigError
from common_utils.releases.config import KEYS_VARIABLE, ReleaseConfig, load_trust

TEXT = f"a:{'ab' * 32}"


def test_keys_come_from_the_file_or_the_environment(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(TEXT)
    (tmp_path / "keys").chmod(0o600)
    from_file = load_trust(ReleaseConfig(key_file=Path("keys")), tmp_path, environ={})
    from_environment = load_trust(ReleaseConfig(), tmp_path, environ={KEYS_VARIABLE: TEXT})
    assert from_file == from_environment
    assert from_file.required
    assert list(from_file.keys) == ["a"]


def test_keys_in_two_places_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"releases\.key_file and BUNDLE_KEYS both give keys"):
        load_trust(ReleaseConfig(key_file=Path("keys")), tmp_path, environ={KEYS_VARIABLE: TEXT})


def test_required_without_a_key_stops_and_development_goes_on() -> None:
    with pytest.raises(ConfigError, match=r"say releases\.signatures: development"):
        load_trust(ReleaseConfig(), Path(), environ={KEYS_VARIABLE: ""})
    trust = load_trust(ReleaseConfig(signatures="development"), Path(), environ={})
    assert (trust.required, dict(trust.keys)) == (False, {})


def test_development_with_a_key_signs() -> None:
    trust = load_trust(ReleaseConfig(signatures="development"), Path(), environ={KEYS_VARIABLE: TEXT})
    assert (trust.sign(b"{}") or b"").startswith(b"hmac-sha256 a ")
    assert not trust.required
