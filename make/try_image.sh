#!/usr/bin/env bash
# Run a service image as production does (no network, no privileges, read-only but /tmp), without a bundle: the process
# must be alive (/health 200), honest about not being ready (/ready 503), not root, and end when told to.
# make image-try calls it: try_image.sh ENGINE IMAGE [run flags...]
set -euo pipefail
engine=$1 image=$2
shift 2

fail() {
  printf 'image-try: %s\n' "$1" >&2
  "$engine" logs "$container" 2>&1 | tail -n 20 >&2
  exit 1
}
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

container=$("$engine" run --detach --read-only --tmpfs /tmp --cap-drop all --security-opt no-new-privileges "$@" "$image")
trap '"$engine" rm --force "$container" >/dev/null' EXIT

health=0
for _ in $(seq 60); do
  [ "$("$engine" inspect --format '{{.State.Running}}' "$container")" = true ] || fail "the container ended by itself"
  health=$(status /health)
  [ "$health" = 0 ] || break
  sleep 0.5
done
[ "$health" = 200 ] || fail "/health answers $health, not 200"
mapfile -t probe < <("$engine" inspect --format '{{range .Config.Healthcheck.Test}}{{println .}}{{end}}' "$container" | sed '/^$/d')
[ "${probe[0]:-none}" = CMD ] || fail "the image declares no HEALTHCHECK in exec form"
"$engine" exec "$container" "${probe[@]:1}" || fail "the image's own HEALTHCHECK fails"
ready=$(status /ready)
[ "$ready" = 503 ] || fail "/ready answers $ready without a bundle, not 503"
user=$("$engine" exec "$container" python -c 'import os; print(os.getuid())')
[ "$user" != 0 ] || fail "the process runs as root"
"$engine" stop -t 10 "$container" >/dev/null
code=$("$engine" inspect --format '{{.State.ExitCode}}' "$container")
[ "$code" = 0 ] || [ "$code" = 143 ] || fail "told to stop, it ended with $code"
echo "image-try: $image: /health 200, /ready 503 without a bundle, user $user, stopped with $code"
