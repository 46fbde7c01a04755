from __future__ import annotations

import hmac
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_utils.bundle import open_bundle, set_current, write_bundle
from common_utils.bundle.manifest import MANIFEST, SIGNATURE
from common_utils.bundle.signing import INTEGRITY_ONLY, Trust, parse_keys, read_key_file
from common_utils.errors import ArtifactError, ConfigError

OLD, NEW = bytes(32), bytes(range(32))
OURS = Trust({"new": NEW, "old": OLD})
FOLDER = Path("v1")


def _write(root: Path, trust: Trust) -> Path:
    return write_bundle(root, info={}, write=lambda f: f.joinpath("a").touch(), trust=trust).path


def test_the_signature_is_hmac_sha256_over_purpose_key_id_and_manifest() -> None:
    expected = hmac.digest(NEW, b"common_utils manifest 1\0new\0{}", "sha256").hex()
    assert OURS.sign(b"{}") == f"hmac-sha256 new {expected}\n".encode()


def test_the_first_key_signs_and_all_verify() -> None:
    before_rotation = Trust({"old": OLD})
    signature = before_rotation.sign(b"{}")
    assert OURS.signer(FOLDER, b"{}", signature) == "old"
    assert OURS.signer(FOLDER, b"{}", OURS.sign(b"{}")) == "new"
    with pytest.raises(ArtifactError, match="signed with key 'old', which is none of ours"):
        Trust({"new": NEW}).signer(FOLDER, b"{}", signature)


def test_without_a_key_nothing_is_signed_and_only_development_takes_it() -> None:
    assert INTEGRITY_ONLY.sign(b"{}") is None
    assert INTEGRITY_ONLY.signer(FOLDER, b"{}", None) is None
    assert INTEGRITY_ONLY.signer(FOLDER, b"{}", OURS.sign(b"{}")) is None
    with pytest.raises(ArtifactError, match=r"bundle v1: it is not signed \(manifest.sig is missing\)"):
        OURS.signer(FOLDER, b"{}", None)


@pytest.mark.parametrize("required", [True, False])
def test_a_wrong_signature_under_a_known_key_is_always_refused(required: bool) -> None:
    trust = Trust({"new": NEW}, required=required)
    forged = Trust({"new": OLD}).sign(b"{}")
    with pytest.raises(ArtifactError, match=r"does not fit manifest\.json"):
        trust.signer(FOLDER, b"{}", forged)


@pytest.mark.parametrize(
    "signature",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"hmac-sha256 new " + b"0" * 63 + b"\n", id="short"),
        pytest.param(b"hmac-sha256 new " + b"0" * 64, id="no-line-end"),
        pytest.param(b"hmac-sha256 new " + b"A" * 64 + b"\n", id="capitals"),
        pytest.param(b"none new " + b"0" * 64 + b"\n", id="other-algorithm"),
        pytest.param(b"hmac-sha256 ../new " + b"0" * 64 + b"\n", id="path"),
        pytest.param(b"hmac-sha256 .. " + b"0" * 64 + b"\n", id="dots"),
        pytest.param(b"hmac-sha256 new " + b"0" * 64 + b"\n\n", id="more"),
    ],
)
def test_a_malformed_signature_is_refused_even_in_development(signature: bytes) -> None:
    with pytest.raises(ArtifactError, match="is not one line of algorithm, key id and signature"):
        INTEGRITY_ONLY.signer(FOLDER, b"{}", signature)


@given(st.binary(max_size=100), st.binary(max_size=100))
def test_a_signature_fits_its_own_manifest_only(one: bytes, other: bytes) -> None:
    signature = OURS.sign(one)
    assert OURS.signer(FOLDER, one, signature) == "new"
    if one != other:
        with pytest.raises(ArtifactError, match="does not fit"):
            OURS.signer(FOLDER, other, signature)


def test_keys_are_in_no_text_of_the_object() -> None:
    assert NEW.hex() not in repr(OURS)
    assert repr(NEW) not in repr(OURS)


@pytest.mark.parametrize(
    ("keys", "match"),
    [
        pytest.param({}, "signatures are required and there is no key", id="none"),
        pytest.param({"a": bytes(31)}, "key 'a' has 31 bytes; give at least 32", id="short"),
        pytest.param({"../a": NEW}, r"key id '\.\./a' is not a plain name", id="path"),
    ],
)
def test_trust_refuses_keys_that_protect_nothing(keys: dict[str, bytes], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        Trust(keys)


# --- in a bundle


def test_a_signed_bundle_says_who_signed_it(tmp_path: Path) -> None:
    path = _write(tmp_path, OURS)
    assert open_bundle(path, trust=OURS).signed_by == "new"
    assert open_bundle(path).signed_by is None
    set_current(tmp_path, path.name, trust=OURS)
    assert open_bundle(tmp_path, trust=OURS).signed_by == "new"
    assert (path / SIGNATURE).stat().st_mode & 0o222 == 0


def test_unsigned_and_foreign_bundles_are_refused_before_the_manifest_is_parsed(tmp_path: Path) -> None:
    unsigned = _write(tmp_path / "a", INTEGRITY_ONLY)
    foreign = _write(tmp_path / "b", Trust({"theirs": NEW}))
    for path, reason in ((unsigned, "it is not signed"), (foreign, "signed with key 'theirs'")):
        with pytest.raises(ArtifactError, match=reason):
            set_current(path.parent, path.name, trust=OURS)
        (path / MANIFEST).chmod(0o600)
        (path / MANIFEST).write_bytes(b"not JSON")
        with pytest.raises(ArtifactError, match=reason):
            open_bundle(path, trust=OURS)


def test_a_long_signature_is_not_read(tmp_path: Path) -> None:
    path = _write(tmp_path, OURS)
    (path / SIGNATURE).chmod(0o600)
    (path / SIGNATURE).write_bytes(b"x" * 257)
    with pytest.raises(ArtifactError, match=r"manifest\.sig is larger than 256 bytes"):
        open_bundle(path)


def test_write_bundle_makes_the_signature_itself(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"`write` made a manifest\.sig"):
        write_bundle(tmp_path, info={}, write=lambda f: f.joinpath(SIGNATURE).touch())


# --- where keys come from


def test_parse_keys_takes_lines_and_commas() -> None:
    text = f"new:{NEW.hex()}\nold:{OLD.hex()},third:{OLD.hex().upper()}\n"
    assert parse_keys(text, "BUNDLE_KEYS") == {"new": NEW, "old": OLD, "third": OLD}


@pytest.mark.parametrize(
    ("text", "match"),
    [
        pytest.param("  \n", "holds no key", id="empty"),
        pytest.param("CANARY", "key 1 is not <key id>:<hexadecimal secret>", id="no-colon"),
        pytest.param("new:CANARY", "key 1 is not", id="not-hexadecimal"),
        pytest.param(f"new:{'00' * 32} ../x:{'00' * 32}", "key 2 is not", id="path"),
        pytest.param(f"new:{'00' * 32} new:{'11' * 32}", "key id 'new' is given twice", id="twice"),
    ],
)
def test_parse_keys_says_which_is_wrong_and_repeats_no_secret(text: str, match: str) -> None:
    with pytest.raises(ConfigError, match=match) as caught:
        parse_keys(text, "BUNDLE_KEYS")
    assert "CANARY" not in str(caught.value)
    assert "00" not in str(caught.value)


def test_read_key_file_reads_a_file_only_its_owner_writes(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(f"new:{NEW.hex()}\n")
    path.chmod(0o600)
    assert read_key_file(path) == {"new": NEW}
    path.chmod(0o602)
    with pytest.raises(ConfigError, match="anybody may write to it"):
        read_key_file(path)


@pytest.mark.parametrize("data", [b"new:\xff\xff", b"x" * 70_000], ids=["not-ascii", "large"])
def test_read_key_file_refuses_what_is_no_short_text(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "keys"
    path.write_bytes(data)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="is not a short ASCII text"):
        read_key_file(path)


def test_read_key_file_says_when_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"key file .*: cannot be read \(No such file or directory\)"):
        read_key_file(tmp_path / "keys")
