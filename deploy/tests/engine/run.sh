#!/usr/bin/env bash
# Builds the image, runs it with Compose, and holds meetings in it. Starts a Docker engine if none
# answers, and is skipped if none can be started. The first run takes half an hour, for base images
# and the build; later runs take a few minutes.
set -euo pipefail
cd "$(dirname "$0")/../../.."

source deploy/tests/engine/engine.sh test-deploy
# A separate project, so that other servers started from this file are not affected.
export COMPOSE_PROJECT_NAME=orange-meets-test COMPOSE_BAKE=false ORANGE_IMAGE=orange-meets:test
export ORANGE_RUNTIME_IMAGE=$runtime
export ORANGE_SUBNET=172.30.234.0/24 ORANGE_SERVER_IP=172.30.234.10
export ORANGE_PORT=${ORANGE_PORT:-18080} ORANGE_DRAIN_SECONDS=2
compose() { docker-compose --file deploy/compose.yaml "$@"; }

say "building the image (log: $work/build.log)"
# With the engine's legacy builder, Compose may hide that a build has failed.
docker image rm --force "$ORANGE_IMAGE" >/dev/null 2>&1 || true
if ! compose --progress plain build "${arguments[@]}" >"$work/build.log" 2>&1 ||
  ! docker image inspect "$ORANGE_IMAGE" >/dev/null 2>&1; then
  tail -n 40 "$work/build.log"
  say "the image could not be built"
  exit 1
fi
say "starting the server and holding meetings"
compose_started=yes
pytest --quiet -p no:cacheprovider deploy/tests/engine/test_containers.py "$@"
