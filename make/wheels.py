"""Write the wheels of all members to a folder, with a requirements file that pins them and all they need by hash.

    python make/wheels.py --output dist

A wheel is built from a copy of what Git knows, in which four things differ from the source tree (docs/adr/0001): the
version carries the local label `+mlportfolio`, which public indexes refuse, and a project requires exactly that of
`common-utils`; `app/` is `<package>/_app`; `configs/` is `<package>/_project/configs`; LICENSE is inside.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from members import MEMBERS, PROJECTS, package_of

__all__ = ["LABEL", "staged", "wheels"]

ROOT = Path(__file__).resolve().parents[1]
LABEL = "mlportfolio"
_REFERENCE = re.compile(r'"common-utils(\[[\w,-]+\]) @ \{root:parent:uri\}/common_utils"')
_VERSION = re.compile(r'^version = "([\d.]+)"$', re.MULTILINE)
_APP_IMPORT = re.compile(r"^(\s*)(from|import) app\b", re.MULTILINE)
_APP_FOLDER = re.compile(r"^PROJECT = Path\(__file__\)\.resolve\(\)\.parents\[1\]$", re.MULTILINE)


def staged(member: str, folder: Path) -> Path:
    """Copy a member into a folder, as its wheel is built; return the copy.

    Parameters
    ----------
    member : str
        One of `MEMBERS`.
    folder : Path
        Empty.
    """
    copy = folder / member
    known = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard", member],
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    parts = ("src", "app", "configs", "pyproject.toml", "README.md")
    for name in filter(None, known.stdout.split("\0")):
        source = ROOT / name
        if source.is_file() and Path(name).relative_to(member).parts[0] in parts:
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    shutil.copyfile(ROOT / "LICENSE", copy / "LICENSE")
    _label(copy / "pyproject.toml")
    if member in PROJECTS:
        _take_in(copy, package_of(member))
    return copy


def _label(path: Path) -> None:
    """Give the version its label, and require the labelled common-utils; fail where the file has another form."""
    text, versions = _VERSION.subn(rf'version = "\1+{LABEL}"', path.read_text(encoding="utf-8"), count=1)
    shared = tomllib.loads((ROOT / "common_utils" / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    text = _REFERENCE.sub(rf'"common-utils\1=={shared}+{LABEL}"', text)
    if versions != 1 or "{root:parent:uri}" in text:
        raise SystemExit(f"wheels: {path.name} of {path.parent.name} has another form; see make/wheels.py")
    path.write_text(text, encoding="utf-8")


def _take_in(copy: Path, package: str) -> None:
    """Move `app/` and `configs/` into the package."""
    inside = copy / "src" / package
    for path in (copy / "app").glob("*.py"):
        text = _APP_IMPORT.sub(rf"\1\2 {package}._app", path.read_text(encoding="utf-8"))
        text, found = _APP_FOLDER.subn("PROJECT = _SPEC.folder()", text)
        if found:  # relative paths count from where the wheel's user works
            text = _with_import(text, f"from {package}.config import SPEC as _SPEC")
        path.write_text(text, encoding="utf-8")
    (copy / "app").rename(inside / "_app")
    (inside / "_project").mkdir()
    (copy / "configs").rename(inside / "_project" / "configs")


def _with_import(text: str, line: str) -> str:
    """Add an import before the first one that is not of `__future__`."""
    place = re.search(r"^(?:from (?!__future__)|import )", text, re.MULTILINE)
    if place is None:
        raise SystemExit("wheels: a module of app/ imports nothing")
    return text[: place.start()] + line + "\n" + text[place.start() :]


def wheels(output: Path) -> list[Path]:
    """Build the wheel of each member with the locked builder; return them."""
    output.mkdir(parents=True, exist_ok=True)
    for old in output.glob("*.whl"):
        old.unlink()
    with tempfile.TemporaryDirectory() as name:
        for member in MEMBERS:
            command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(output.resolve())]
            subprocess.run(command, cwd=staged(member, Path(name)), check=True, stdout=subprocess.DEVNULL)
    return sorted(output.glob("*.whl"))


def requirements(uv: str, built: list[Path], output: Path) -> Path:
    """Write `requirements.txt` beside the wheels: ours and the locked versions of what they need, all by hash."""
    target = output / "requirements.txt"
    command = [
        uv, "pip", "compile", "--quiet", "--universal", "--generate-hashes", "--no-header", "--no-annotate",
        "--python-version", "3.11", "--no-emit-package", "common-utils",
        *(word for project in PROJECTS for word in ("--no-emit-package", package_of(project))),
        "-c", "requirements.txt", *(f"{project}/pyproject.toml" for project in PROJECTS),
        "-o", str(target.resolve()),
    ]  # fmt: skip
    subprocess.run(command, cwd=ROOT, check=True)
    ours: list[str] = []
    for wheel in built:
        name, version = wheel.name.split("-")[:2]
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        ours.append(f"{name.replace('_', '-')}=={version} \\\n    --hash=sha256:{digest}\n")
    target.write_text("".join(ours) + target.read_text(encoding="utf-8"), encoding="utf-8")
    return target


def main() -> int:
    """Build, pin, say where; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=ROOT / "dist")
    parser.add_argument("--uv", help="pins with this uv; without it the wheels alone are written")
    options = parser.parse_args()
    built = wheels(options.output)
    for path in built:
        print(path)
    if options.uv:
        print(requirements(options.uv, built, options.output))
    return 0


if __name__ == "__main__":
    sys.exit(main())
