#!/usr/bin/env bash
# Install the wheels of dist/ into an empty environment and use them from an empty folder: train, serve, release, two
# projects side by side, one removed. make test-wheels calls it with UV (the pinned uv) and PYTHON. What others wrote
# comes from the package index, by hash; ours comes from dist/ alone.
set -euo pipefail
: "${UV:?}" "${PYTHON:?}"
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
service=
# The service may have ended by itself: then there is nothing to kill, and the exit code stays that of the test.
trap '[ -z "$service" ] || kill "$service" 2>/dev/null || true; rm -rf "$work"' EXIT
say() { printf -- '-- %s (%d s)\n' "$1" "$SECONDS"; }
fail() { printf 'test-wheels: %s\n' "$1" >&2; exit 1; }
unset PYTHONPATH VIRTUAL_ENV PLANREC_CONFIG PLANREC_BUNDLE BANKCHURN_CONFIG BANKCHURN_BUNDLE

"$root/.venv/bin/python" "$root/make/wheels.py" --uv "$UV" --output "$work/dist" >/dev/null
ours='^(common-utils|planrec|bankchurn|carvision|telecom)=='
awk -v ours="$ours" '/^[a-z]/ {skip = $0 ~ ours} !skip' "$work/dist/requirements.txt" >"$work/others.txt"
grep -Eq '^ *--hash' "$work/others.txt" || fail "dist/requirements.txt pins nothing by hash"
say "wheels and their requirements"

"$PYTHON" -m venv "$work/venv"
"$UV" pip install --quiet --python "$work/venv/bin/python" --require-hashes -r "$work/others.txt"
"$work/venv/bin/pip" install -qq --no-index -f "$work/dist" planrec bankchurn
"$work/venv/bin/pip" check >/dev/null || fail "pip check: requirements do not hold"
bin="$work/venv/bin"
mkdir "$work/empty"
cd "$work/empty"
"$bin/python" -c '
import common_utils, planrec, sys
from importlib.metadata import version
assert version("common-utils").endswith("+mlportfolio"), version("common-utils")
assert all(m.__file__.startswith(sys.prefix) for m in (common_utils, planrec))' || fail "not our packages"
say "installed with --no-index --find-links dist"

small=(--set simulator.subscribers=1200 --set training.model.max_iter=4 --set training.challenger.max_iter=4
  --set training.challenger.folds=2 --set training.split.folds=2 --set evaluation.resamples=50)
"$bin/planrec" simulate --output data "${small[@]:0:2}" >/dev/null
"$bin/planrec" train --data data "${small[@]}" >/dev/null
[ -f artifacts/current/scorer.npz ] || fail "no bundle in the folder one works in"
say "planrec simulate, train: artifacts in the folder one works in, settings of the wheel"
"$bin/planrec" release history >/dev/null
"$bin/bankchurn" train --set data.source=sample --set data.sample_rows=1500 --set training.split.folds=2 --output bank \
  --set 'model.members=[{kind: hist, iterations: 20, leaves: 8}]' --set training.split.repeats=1 --set evaluation.resamples=50 >/dev/null
printf 'CreditScore,Geography,Gender,Age,Tenure,Balance,NumOfProducts,HasCrCard,IsActiveMember,EstimatedSalary\n619,Germany,Female,52,,83807.86,1,1,0,101348.88\n' >customers.csv
"$bin/bankchurn" predict --bundle bank --input customers.csv --output answers.csv >/dev/null
[ -s answers.csv ] || fail "bankchurn predict wrote nothing"
say "bankchurn train, predict; planrec release history"

answers() { # COMMAND BUNDLE PORT: it becomes ready and ends when told to
  "$bin/$1" serve --bundle "$2" --port "$3" 2>"$work/log" &
  service=$!
  for _ in $(seq 240); do
    if "$bin/python" -c "
import sys, urllib.request
sys.exit(urllib.request.urlopen('http://127.0.0.1:$3/ready', timeout=2).status != 200)" 2>/dev/null; then
      kill "$service" && wait "$service" || fail "$1 serve did not end with 0"
      service=
      return
    fi
    sleep 0.25
  done
  cat "$work/log" >&2
  fail "$1 serve does not become ready"
}
port() { "$bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
answers planrec artifacts "$(port)"
answers bankchurn bank "$(port)"
say "both serve from one environment"

"$bin/planrec" init mine >/dev/null
[ -f mine/configs/plans.yaml ] || fail "planrec init wrote no rate card"
! "$bin/planrec" init mine >/dev/null 2>&1 || fail "planrec init wrote over edited settings"
"$bin/pip" uninstall -qq --yes planrec
answers bankchurn bank "$(port)"
[ ! -e "$bin/planrec" ] || fail "the command of an uninstalled project is left"
say "planrec removed: bankchurn still serves"
echo "test-wheels: passed"
