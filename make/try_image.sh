#!/usr/bin/env bash
# Run a service image as production does (no network, no privileges, read-only but /tmp). Without a bundle the process must
# be alive (/health 200) and honest about not being ready (/ready 503); with one it must become ready (200). Both times it
# is not root, passes the image's own HEALTHCHECK and ends when told to.
# make image-try calls it: try_image.sh ENGINE IMAGE ARTIFACTS [run flags...]
set -euo pipefail
engine=$1 image=$2 artifacts=$(cd "$3" && pwd)
shift 3
flags=(--detach --read-only --tmpfs /tmp --cap-drop all --security-opt no-new-privileges "$@")
container=
trap '[ -z "$container" ] || "$engine" rm --force "$container" >/dev/null' EXIT

fail() {
  printf 'image-try: %s\n' "$1" >&2
  "$engine" logs "$container" 2>&1 | sed '/"GET \//d' | tail -n 20 >&2  # all but the questions asked here
  exit 1
}
state() { "$engine" inspect --format "{{.State.$1}}" "$container"; }
status() { # PATH -> status code, or 0 while nobody answers
  "$engine" exec "$container" python -c "
import http.client, sys
connection = http.client.HTTPConnection('127.0.0.1', 8000, timeout=2)
try:
    connection.request('GET', sys.argv[1])
except OSError:
    print(0)
else:
    print(connection.getresponse().status)" "$1"
}
expect() { # PATH CODE: the path answers so within half a minute
  local answer=0
  for _ in $(seq 60); do
    [ "$(state Running)" = true ] || fail "the container ended by itself"
    answer=$(status "$1")
    [ "$answer" != "$2" ] || return 0
    sleep 0.5
  done
  fail "$1 answers $answer, not $2"
}
try() { # WHAT READY [run flags...]
  local what=$1 ready=$2 probe user code
  shift 2
  container=$("$engine" run "${flags[@]}" "$@" "$image")
  expect /health 200
  expect /ready "$ready"
  mapfile -t probe < <("$engine" inspect --format '{{range .Config.Healthcheck.Test}}{{println .}}{{end}}' "$container" | sed '/^$/d')
  [ "${probe[0]:-none}" = CMD ] || fail "the image declares no HEALTHCHECK in exec form"
  "$engine" exec "$container" "${probe[@]:1}" || fail "the image's own HEALTHCHECK fails"
  user=$("$engine" exec "$container" python -c 'import os; print(os.getuid())')
  [ "$user" != 0 ] || fail "the process runs as root"
  "$engine" stop -t 10 "$container" >/dev/null
  code=$(state ExitCode)
  [ "$code" = 0 ] || [ "$code" = 143 ] || fail "told to stop, it ended with $code"
  "$engine" rm --force "$container" >/dev/null
  container=
  echo "image-try: $image $what: /health 200, /ready $ready, user $user, stopped with $code"
}

try "without a bundle" 503
try "with a bundle" 200 --volume "$artifacts:/app/artifacts:ro"
