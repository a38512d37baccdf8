#!/usr/bin/env bash
# Builds the image, runs it by Compose and holds meetings in it. Starts a Docker engine of its own
# where none answers, and says why it does nothing where none can be started.
# Takes half an hour at first, for base images and the build; a few minutes after that.
set -euo pipefail
cd "$(dirname "$0")/../../.."

work=$PWD/target/deploy-test
say() { printf 'test-deploy: %s\n' "$*"; }
skip() { say "skipped: $*"; exit 0; }
mkdir -p "$work"

engine_answers() { docker info >/dev/null 2>&1; }
start_engine() {
  [ "$(id -u)" -eq 0 ] || skip "no Docker engine answers, and only root can start one"
  deploy/setup.sh engine || skip "no Docker engine answers, and none could be installed"
  say "starting a Docker engine (its log is $work/engine.log)"
  export DOCKER_HOST=unix://$work/engine.sock
  # The path of its sockets is bounded to some hundred characters.
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
# A project of its own: whatever else runs here by this file is left alone.
export COMPOSE_PROJECT_NAME=orange-meets-test COMPOSE_BAKE=false ORANGE_IMAGE=orange-meets:test
export ORANGE_SUBNET=172.30.234.0/24 ORANGE_SERVER_IP=172.30.234.10
export ORANGE_PORT=${ORANGE_PORT:-18080} ORANGE_DRAIN_SECONDS=2
compose() { docker-compose --file deploy/compose.yaml "$@"; }

# The bases that the Dockerfile names, if they are to be had; else ones made here.
base() { sed -nE "s/^ARG $1_IMAGE=//p" deploy/Dockerfile; }
arguments=()
runtime=$(base RUNTIME)
if ! timeout 120 docker pull --quiet "$runtime" >/dev/null 2>&1; then
  say "no registry answers: making the base images here"
  deploy/tests/bases.sh "$work"
  for name in RUST NODE RUNTIME; do
    arguments+=(--build-arg "${name}_IMAGE=orange-meets-base:${name,,}")
  done
  runtime=orange-meets-base:runtime
  export COTURN_IMAGE=orange-meets-base:rust
fi
export ORANGE_RUNTIME_IMAGE=$runtime

say "building the image (the build's log is $work/build.log)"
# Of an engine that builds in the old way Compose has been seen to hide that a build has failed.
docker image rm --force "$ORANGE_IMAGE" >/dev/null 2>&1 || true
if ! compose --progress plain build "${arguments[@]}" >"$work/build.log" 2>&1 ||
  ! docker image inspect "$ORANGE_IMAGE" >/dev/null 2>&1; then
  tail -n 40 "$work/build.log"
  say "the image is not built"
  exit 1
fi
say "starting it, and meeting in it"
compose_started=yes
pytest --quiet -p no:cacheprovider deploy/tests/engine "$@"
