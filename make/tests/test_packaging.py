"""What is built and installed: requirements, locks, the image's recipe. No index is asked."""

from __future__ import annotations

import re
import sys
import tomllib
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest
import wheels
from members import MEMBERS, PROJECTS, package_of

ROOT = Path(__file__).resolve().parents[2]


def _built(run, member: str, folder: Path) -> tuple[Message, list[str]]:
    """Build a wheel with the locked builder; return its metadata and the names of its files."""
    done = run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=ROOT / member)
    assert done.returncode == 0, done.stdout
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        names = wheel.namelist()
        metadata = next(name for name in names if name.endswith(".dist-info/METADATA"))
        return message_from_bytes(wheel.read(metadata)), names


@pytest.mark.parametrize("project", PROJECTS)
def test_a_project_requires_our_common_utils_by_direct_reference(run, tmp_path: Path, project: str):
    metadata, names = _built(run, project, tmp_path)
    required = [value for value in metadata.get_all("Requires-Dist", []) if value.startswith("common-utils")]
    assert len(required) == 1
    assert re.fullmatch(r"common-utils\[[\w,]+\] @ " + re.escape((ROOT / "common_utils").as_uri()), required[0])
    assert f"{package_of(project)}/py.typed" in names


def test_common_utils_carries_its_types_and_neither_tests_nor_data(run, tmp_path: Path):
    _, names = _built(run, "common_utils", tmp_path)
    assert "common_utils/py.typed" in names
    assert {name.split("/")[0] for name in names} == {"common_utils", "common_utils-0.1.0.dist-info"}


@pytest.mark.parametrize("member", MEMBERS)
def test_no_extra_asks_for_common_utils_without_saying_whose(member: str):
    project = tomllib.loads((ROOT / member / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(item for extra in project.get("optional-dependencies", {}).values() for item in extra),
    ]
    named = [item for item in wanted if re.match(r"common[-_]utils\b", item)]
    # Within common_utils itself an extra may name the others: pip resolves that to the package being installed.
    assert all("@ {root:parent:uri}/common_utils" in item for item in named) or member == "common_utils"


def test_members_are_named_alike_everywhere():
    made = re.search(r"^MEMBERS := (.*)$", (ROOT / "make" / "setup.mk").read_text(), re.MULTILINE)
    assert made is not None
    assert tuple(made[1].split()) == MEMBERS


def _locked(path: Path) -> dict[str, set[str]]:
    """Name and versions of every package in a lock, after a look that each has a hash."""
    pins: dict[str, set[str]] = {}
    for entry in re.split(r"\n(?=[a-z0-9])", path.read_text()):
        match = re.match(r"([\w.-]+)==(\S+)", entry)
        assert match is not None, entry
        assert "--hash=sha256:" in entry, match[0]
        pins.setdefault(match[1], set()).add(match[2])
    return pins


@pytest.mark.parametrize("project", PROJECTS)
@pytest.mark.parametrize("name", ["requirements.txt", "requirements-jobs.txt", "requirements-build.txt"])
def test_an_image_installs_versions_that_were_tested(project: str, name: str):
    tested = _locked(ROOT / "requirements.txt")
    for package, versions in _locked(ROOT / project / name).items():
        assert versions <= tested[package], package


@pytest.mark.parametrize("project", PROJECTS)
def test_an_image_carries_neither_pandas_nor_tools(project: str):
    carried = set(_locked(ROOT / project / "requirements.txt"))
    assert {"fastapi", "numpy", "uvicorn"} <= carried
    assert not {"joblib", "lightgbm", "scikit-learn", "scipy"} & carried
    assert not carried & {
        "pandas",
        "pyarrow",
        "duckdb",
        "catboost",
        "lightgbm",
        "matplotlib",
        "mlflow-skinny",
        "sqlalchemy",
        "pytest",
        "hypothesis",
        "ruff",
        "hatchling",
        "pip",
    }


def test_mlflow_has_a_lower_bound_wherever_it_is_asked_for():
    """A bare name resolves to a release of 2022."""
    files = [tomllib.loads((ROOT / place / "pyproject.toml").read_text()) for place in (".", *MEMBERS)]
    groups = [
        *(one.get("dependency-groups", {}) for one in files),
        *(one["project"].get("optional-dependencies", {}) for one in files),
    ]
    items = [item for group in groups for named in group.values() for item in named if isinstance(item, str)]
    asked = [item for item in items if item.startswith("mlflow")]
    assert len(asked) == 2
    assert all(re.fullmatch(r"mlflow(-skinny)?>=3\.(1[7-9]|[2-9]\d)", one) for one in asked)


def test_the_server_of_mlflow_has_a_lock_of_its_own():
    server, ours = _locked(ROOT / "infra" / "mlflow" / "requirements.txt"), _locked(ROOT / "requirements.txt")
    assert "mlflow" not in ours
    assert server["mlflow"] == server["mlflow-skinny"] == ours["mlflow-skinny"]  # what talks to each other
    recipe = (ROOT / "infra" / "mlflow" / "Dockerfile").read_text()
    installs = re.findall(r"\bpip\b.*\binstall\b.*", recipe)
    assert len(installs) == 1
    assert "--require-hashes" in installs[0]


@pytest.mark.parametrize("project", PROJECTS)
def test_an_image_of_jobs_carries_what_the_command_line_needs_and_no_tools(project: str):
    carried = set(_locked(ROOT / project / "requirements-jobs.txt"))
    assert {"matplotlib", "pandas", "psycopg", "pyarrow", "scikit-learn", "typer"} <= carried
    wanted = tomllib.loads((ROOT / project / "pyproject.toml").read_text())["project"]["dependencies"]
    named = {re.split(r"[^\w.-]", one)[0] for one in wanted}
    assert named - {"common-utils"} <= carried
    assert not carried & {"pytest", "hypothesis", "ruff", "hatchling", "pip", "streamlit", "common-utils"}


RECIPES = [*(f"{project}/Dockerfile" for project in PROJECTS), "infra/jobs/Dockerfile"]


@pytest.mark.parametrize("name", RECIPES)
def test_an_image_downloads_only_what_is_hashed(name: str):
    recipe = re.sub(r"\\\n\s*", "", (ROOT / name).read_text())
    calls = re.findall(r"pip\b[^&\n]*\b(?:install|wheel|download)\b[^&\n]*", recipe)
    assert len(calls) == 4
    assert all("--require-hashes" in call or "--no-index" in call for call in calls)
    assert not re.search(r"\b(?:apt-get|apk|curl|wget)\b", recipe)


@pytest.mark.parametrize("name", RECIPES)
def test_an_image_runs_as_the_numbered_user_whose_volumes_all_share(name: str):
    final = (ROOT / name).read_text().split("\nFROM ")[-1]
    assert re.findall(r"^USER (.*)$", final, re.MULTILINE) == ["10001:10001"]


def test_an_image_of_jobs_says_neither_what_to_run_nor_how_it_is():
    recipe = (ROOT / "infra" / "jobs" / "Dockerfile").read_text()
    assert not re.search(r"^\s*(?:CMD|ENTRYPOINT|HEALTHCHECK|EXPOSE)\b", recipe, re.MULTILINE)


@pytest.mark.parametrize("project", PROJECTS)
def test_a_service_is_started_and_asked_in_exec_form(project: str):
    final = (ROOT / project / "Dockerfile").read_text().split("\nFROM ")[-1]
    assert re.search(r'^CMD \["python"', final, re.MULTILINE)
    assert re.search(r'HEALTHCHECK [^\n]*\\\n\s+CMD \["python"', final)


@pytest.mark.parametrize("project", PROJECTS)
def test_the_build_context_holds_all_that_an_image_copies_and_no_more(project: str):
    recipes = [(ROOT / name).read_text() for name in (f"{project}/Dockerfile", "infra/jobs/Dockerfile")]
    text = "\n".join(recipes).replace("${PROJECT}", project)
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.MULTILINE)
    wanted = {source.rstrip("/") for line in copied for source in line.split()} - {"common_utils"}
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert wanted == {line for line in allowed if line.startswith(project)}
    assert {"common_utils/src", "common_utils/pyproject.toml", "common_utils/README.md"} <= allowed


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheels as `make wheels` writes them, by name."""
    built = wheels.wheels(tmp_path_factory.mktemp("dist"))
    return {path.name.split("-")[0]: path for path in built}


def test_every_member_has_a_wheel_with_the_label_and_the_license(dist: dict[str, Path]):
    assert set(dist) == {package_of(member) for member in MEMBERS}
    for name, path in dist.items():
        assert path.name == f"{name}-0.1.0+mlportfolio-py3-none-any.whl"
        assert any(inner.endswith("/LICENSE") for inner in zipfile.ZipFile(path).namelist())


@pytest.mark.parametrize("project", PROJECTS)
def test_a_wheel_can_only_be_served_by_our_common_utils(dist: dict[str, Path], project: str):
    with zipfile.ZipFile(dist[package_of(project)]) as wheel:
        metadata = message_from_bytes(wheel.read(next(n for n in wheel.namelist() if n.endswith("/METADATA"))))
    (required,) = (one for one in metadata.get_all("Requires-Dist", []) if one.startswith("common-utils"))
    assert re.fullmatch(r"common-utils\[[\w,]+\]==0\.1\.0\+mlportfolio", required)
    assert "file:" not in str(metadata)


@pytest.mark.parametrize("project", PROJECTS)
def test_a_wheel_holds_app_and_settings_inside_its_package_alone(dist: dict[str, Path], project: str):
    package = package_of(project)
    with zipfile.ZipFile(dist[package]) as wheel:
        names = set(wheel.namelist())
        texts = {name: wheel.read(name).decode() for name in names if name.startswith(f"{package}/_app/")}
    assert {name.split("/")[0] for name in names} == {package, f"{package}-0.1.0+mlportfolio.dist-info"}
    configs = [path for path in (ROOT / project / "configs").rglob("*") if path.is_file()]
    assert {f"{package}/_project/{path.relative_to(ROOT / project).as_posix()}" for path in configs} <= names
    assert f"{package}/_app/fastapi_app.py" in texts
    for text in texts.values():
        compile(text, package, "exec")
        assert not re.search(r"^\s*(?:from|import) app\b", text, re.MULTILINE)
        assert "Path(__file__)" not in text


def test_a_member_of_another_form_is_not_built(tmp_path: Path):
    path = tmp_path / "pyproject.toml"
    path.write_text('version = "0.1.0"\ndependencies = ["common-utils @ {root:parent:uri}/common_utils"]\n')
    with pytest.raises(SystemExit, match="has another form"):
        wheels._label(path)
