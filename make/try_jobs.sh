#!/usr/bin/env bash
# Run an image of jobs as production does (no network, no privileges, read-only but /tmp and its volumes): the command line
# answers, a job that did its work writes when, one that had too little to judge by (6) does too, and a failed one leaves the
# time of the last success. `make image-try KIND=jobs` calls it: try_jobs.sh ENGINE IMAGE NAME ARTIFACTS [run flags...]
set -euo pipefail
engine=$1 image=$2 name=$3 artifacts=$(cd "$4" && pwd)
shift 4
prefix=${name^^}
volumes=$(mktemp -d)
trap 'rm -rf "$volumes"' EXIT
mkdir "$volumes/decisions" "$volumes/monitoring"
chmod -R 777 "$volumes"
flags=(--rm --read-only --tmpfs /tmp --cap-drop all --security-opt no-new-privileges "$@"
  --volume "$volumes/decisions:/var/decisions" --volume "$volumes/monitoring:/var/monitoring"
  --volume "$artifacts:/app/artifacts:ro"
  --env "${prefix}__MONITORING__FOLDER=/var/monitoring" --env "${prefix}__DECISIONS__JOURNAL=/var/decisions/journal"
  --env "${prefix}__DECISIONS__KEY_FILE=/var/decisions/keys"
  --env "${prefix}__DECISIONS__URL=sqlite:////var/decisions/decisions.db")

fail() {
  printf 'image-try: %s\n' "$1" >&2
  exit 1
}
run() { "$engine" run "${flags[@]}" "$image" "$@"; }
ends() { # CODE COMMAND...: the command leaves with that code
  local expected=$1 code=0
  shift
  run "$@" >"$volumes/said" 2>&1 || code=$?
  [ "$code" = "$expected" ] || { tail -n 20 "$volumes/said" >&2; fail "'$*' left with $code, not $expected"; }
}
job() { # CODE NAME COMMAND...: as a CronJob runs it
  local expected=$1 job=$2
  shift 2
  ends "$expected" "$name" --success-file "/var/monitoring/jobs/$job.json" "$@"
}

user=$(run id -u)
[ "$user" != 0 ] || fail "the process runs as root"
ends 0 python -c "import importlib.util as u; [__import__(n) for n in ('pandas', 'sklearn', 'lightgbm', 'catboost', 'duckdb') if u.find_spec(n)]"
ends 0 "$name" monitor --help
ends 0 "$name" decisions rotate-key
job 0 retention decisions retain
job 6 monitor monitor --as-of 2025-11-01   # no service has counted anything
before=$(cat "$volumes/monitoring/jobs/retention.json")
job 2 retention --unknown decisions retain
job 2 retention decisions retain --set decisions.retention_days=never
[ "$(cat "$volumes/monitoring/jobs/retention.json")" = "$before" ] || fail "a failed job wrote that it succeeded"
[ -s "$volumes/monitoring/jobs/monitor.json" ] || fail "the job 'monitor' did not write when it ran"
echo "image-try: $image: jobs of user $user ran, wrote when, and left it where they failed"
