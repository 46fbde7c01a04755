"""The public face: what is exported, how light it is, and that it is ours wherever Python starts."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import common_utils

ROOT = Path(__file__).resolve().parents[2]


def _python(code: str, *, cwd: Path) -> str:
    done = subprocess.run([sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_all_equals_what_is_there():
    public = {
        name
        for name, value in vars(common_utils).items()
        if not name.startswith("_") and not isinstance(value, ModuleType) and name != "annotations"
    }
    assert {*public, "__version__"} == set(common_utils.__all__)
    assert set(common_utils.__all__) == {"DEFAULT_SEED", "__version__", "set_seed", "setup_logging"}


def test_version_is_the_distribution_s():
    assert common_utils.__version__ == version("common-utils")


def test_import_stays_light(tmp_path: Path):
    heavy = "{'numpy', 'pandas', 'sklearn', 'scipy', 'pydantic', 'pydantic_settings', 'yaml', 'fastapi', 'joblib'}"
    code = f"import sys, common_utils; print(sorted({heavy} & set(sys.modules)))"
    assert _python(code, cwd=tmp_path) == "[]"


def test_import_from_the_repository_root_gets_ours():
    # `python -c` puts the working folder first on the path, where the folder common_utils/ has no __init__.py.
    found = _python("import common_utils; print(common_utils.__file__)", cwd=ROOT)
    assert Path(found) == ROOT / "common_utils" / "src" / "common_utils" / "__init__.py"
