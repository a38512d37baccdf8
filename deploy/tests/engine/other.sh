#!/usr/bin/env bash
# Builds the image for the other architecture (arm64 on amd64, and vice versa) and runs its binary
# under emulation. Shares base images with run.sh, and takes as long the first time.
set -euo pipefail
cd "$(dirname "$0")/../../.."

case $(uname -m) in
  x86_64) other=arm64 ;;
  aarch64) other=amd64 ;;
  *) echo "test-other: skipped: images are built for amd64 and arm64 only"; exit 0 ;;
esac
source deploy/tests/engine/engine.sh test-other
deploy/setup.sh emulation "$other" || skip "nothing here runs programs for $other"
if [ "$runtime" = orange-meets-base:runtime ]; then
  # There is no local base image for the other architecture; the emulator's libraries are used.
  arguments+=(--build-arg RUNTIME_IMAGE=scratch)
fi
export ORANGE_IMAGE=orange-meets:test-$other COMPOSE_BAKE=false

say "building the image for $other (log: $work/build-$other.log)"
docker image rm --force "$ORANGE_IMAGE" >/dev/null 2>&1 || true
if ! DOCKER_DEFAULT_PLATFORM=linux/$other docker-compose --file deploy/compose.yaml \
  --progress plain build "${arguments[@]}" >"$work/build-$other.log" 2>&1 ||
  ! docker image inspect "$ORANGE_IMAGE" >/dev/null 2>&1; then
  tail -n 40 "$work/build-$other.log"
  say "the image could not be built"
  exit 1
fi
say "running its binary under emulation"
ORANGE_OTHER=$other ORANGE_OTHER_PROCESSOR=$(deploy/setup.sh processor "$other") \
  pytest --quiet -p no:cacheprovider deploy/tests/engine/test_other_processor.py "$@"
