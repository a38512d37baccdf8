# Source this from the repository's root, with the test's name. Provides a Docker engine, starting
# one if none answers, and the base images of deploy/Dockerfile.
# shellcheck shell=bash
name=$1
work=$PWD/target/deploy-test
say() { printf '%s: %s\n' "$name" "$*"; }
skip() { say "skipped: $*"; exit 0; }
mkdir -p "$work"

engine_answers() { docker info >/dev/null 2>&1; }
start_engine() {
  [ "$(id -u)" -eq 0 ] || skip "no Docker engine answers, and only root can start one"
  deploy/setup.sh engine || skip "no Docker engine answers, and none could be installed"
  say "starting a Docker engine (log: $work/engine.log)"
  export DOCKER_HOST=unix://$work/engine.sock
  # Socket paths are limited to about a hundred characters.
  run=$(mktemp --directory)
  dockerd --data-root "$work/engine" --exec-root "$run" --pidfile "$run/pid" \
    --host "$DOCKER_HOST" >"$work/engine.log" 2>&1 &
  engine=$!
  for _ in $(seq 60); do
    if engine_answers; then return 0; fi
    kill -0 "$engine" 2>/dev/null || break
    sleep 1
  done
  skip "a Docker engine does not start here: $(grep -v level=info "$work/engine.log" | tail -n 1)"
}
end() {
  if [ -n "${compose_started:-}" ]; then
    compose --profile turn down --volumes --timeout 5 >/dev/null 2>&1 || true
  fi
  if [ -n "${engine:-}" ]; then
    kill "$engine" 2>/dev/null || true
    wait "$engine" 2>/dev/null || true
    rm -rf "${run:?}"
  fi
}
trap end EXIT

engine_answers || start_engine
source deploy/tests/tools.sh

# Uses the Dockerfile's base images if a registry has them, otherwise builds replacements.
base() { sed -nE "s/^ARG $1_IMAGE=//p" deploy/Dockerfile; }
arguments=()
runtime=$(base RUNTIME)
if ! timeout 120 docker pull --quiet "$runtime" >/dev/null 2>&1; then
  say "no registry answers: building the base images locally"
  deploy/tests/bases.sh "$work"
  for kind in RUST NODE RUNTIME; do
    arguments+=(--build-arg "${kind}_IMAGE=orange-meets-base:${kind,,}")
  done
  runtime=orange-meets-base:runtime
  export COTURN_IMAGE=orange-meets-base:rust
fi
