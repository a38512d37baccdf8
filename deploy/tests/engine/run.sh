#!/usr/bin/env bash
# Builds the image, runs it by Compose and holds meetings in it. Starts a Docker engine of its own
# where none answers, and says why it does nothing where none can be started.
# Takes half an hour at first, for base images and the build; a few minutes after that.
set -euo pipefail
cd "$(dirname "$0")/../../.."

source deploy/tests/engine/engine.sh test-deploy
# A project of its own: whatever else runs here by this file is left alone.
export COMPOSE_PROJECT_NAME=orange-meets-test COMPOSE_BAKE=false ORANGE_IMAGE=orange-meets:test
export ORANGE_RUNTIME_IMAGE=$runtime
export ORANGE_SUBNET=172.30.234.0/24 ORANGE_SERVER_IP=172.30.234.10
export ORANGE_PORT=${ORANGE_PORT:-18080} ORANGE_DRAIN_SECONDS=2
compose() { docker-compose --file deploy/compose.yaml "$@"; }

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
pytest --quiet -p no:cacheprovider deploy/tests/engine/test_containers.py "$@"
