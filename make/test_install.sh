#!/usr/bin/env bash
# Install every member alone into an empty environment, as a stranger would, from a copy of the files Git knows.
# make test-install calls it with UV (the pinned uv) and PYTHON; it needs the package index.
set -euo pipefail
: "${UV:?}" "${PYTHON:?}"
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
copy="$work/portfolio"

say() { printf -- '-- %s (%d s)\n' "$1" "$SECONDS"; }
fail() { printf 'test-install: %s\n' "$1" >&2; exit 1; }
environment() { "$PYTHON" -m venv "$work/$1"; }

# Tests import from the environments, never from the checkout.
mkdir "$copy"
git -C "$root" ls-files -z --cached --others --exclude-standard |
  while IFS= read -r -d '' file; do [ ! -f "$root/$file" ] || printf '%s\0' "$file"; done |
  tar -C "$root" --null --files-from=- -cf - | tar -C "$copy" -xf -
cd "$copy"
unset PYTHONPATH VIRTUAL_ENV

# Where the environment's common_utils comes from; a public index holds a stranger's package of that name (docs/adr/0001).
OURS=$(cat <<'PYTHON'
import json, pathlib, sys
from importlib.metadata import distribution
from urllib.parse import urlsplit
import common_utils
from common_utils import set_seed, setup_logging
copy = pathlib.Path(sys.argv[1]).resolve()
source = json.loads(distribution("common-utils").read_text("direct_url.json"))["url"]
assert pathlib.Path(urlsplit(source).path).resolve() == copy / "common_utils", source
assert set(common_utils.__all__) >= {"set_seed", "setup_logging"}, common_utils.__all__
where = pathlib.Path(common_utils.__file__).resolve()
assert where.is_relative_to(pathlib.Path(sys.prefix).resolve()) or where.is_relative_to(copy), where
assert set_seed(7) == 7 and setup_logging("test_install").name
PYTHON
)
ours() { (cd / && "$work/$1/bin/python" -W error -c "$OURS" "$copy") || fail "environment $1 has not our common_utils"; }

environment library
"$work/library/bin/pip" install -qq ./common_utils
ours library
say "pip install ./common_utils: from common_utils import setup_logging, set_seed"

alone() {  # of a project's folder: plain pip, as its README says
  local project=$1 name bin
  name=$(sed -n '/^name = "/{s/^name = "\(.*\)"$/\1/p;q}' "$project/pyproject.toml")  # contracts have names, too
  environment "alone-$project"
  bin="$work/alone-$project/bin"
  "$bin/pip" install -qq --no-compile -e "./$project"
  ours "alone-$project"
  (cd / && "$bin/python" -W error -c "import $name" && "$bin/$name" --help >/dev/null) ||
    fail "$name cannot be imported or its command does not start"
  "$bin/pip" check >/dev/null || fail "pip check: requirements of the environment of $name do not hold"
  say "pip install -e ./$project: our common_utils, $name --help"
}

develop() {  # of a member's folder: with uv and all that its tests need
  local member=$1
  environment "develop-$member"
  (cd "$member" && "$UV" pip install --quiet --python "$work/develop-$member/bin/python" -e ".[dev]")
  ours "develop-$member"
  (cd "$member" && "$work/develop-$member/bin/pytest" --version >/dev/null &&
    "$work/develop-$member/bin/python" -m pytest --collect-only --quiet >/dev/null) || fail "$member: pytest cannot collect its tests"
  say "uv pip install -e '.[dev]' in $member: pytest collects its tests"
}

# Two at a time: each is one process that unpacks, imports and collects. An environment is removed while the next ones
# are made: removing is waiting for the disk, and as long as installing.
in_pairs() {
  local step=$1 first second
  shift
  while [ $# -gt 0 ]; do
    (set -e; "$step" "$1") &
    first=$!
    second=$first
    if [ $# -gt 1 ]; then
      (set -e; "$step" "$2") &
      second=$!
    fi
    wait "$first"
    wait "$second"
    rm -rf "$work/$step-$1" "$work/$step-${2:-$1}" &
    shift $(($# > 1 ? 2 : 1))
  done
}

projects=(*/app)
projects=("${projects[@]%/app}")
in_pairs alone "${projects[@]}"
in_pairs develop common_utils "${projects[@]}"

"$UV" lock --quiet --python "$PYTHON"
[ -s uv.lock ] || fail "uv lock wrote no uv.lock"
"$UV" sync --quiet --dry-run --locked --all-packages --all-extras --python "$PYTHON"
say "uv lock, uv sync --dry-run: the workspace resolves"
wait
echo "test-install: passed"
