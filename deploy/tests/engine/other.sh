#!/usr/bin/env bash
# Builds the image for the other kind of processor, arm64 on an amd64 machine and the other way
# round, and runs the program out of it under emulation. Takes as long as run.sh does at first, and
# shares with it what it made.
set -euo pipefail
cd "$(dirname "$0")/../../.."

case $(uname -m) in
  x86_64) other=arm64 ;;
  aarch64) other=amd64 ;;
  *) echo "test-other: skipped: images are for amd64 and arm64 alone"; exit 0 ;;
esac
source deploy/tests/engine/engine.sh test-other
deploy/setup.sh emulation "$other" || skip "nothing here runs programs for $other"
if [ "$runtime" = orange-meets-base:runtime ]; then
  # Of another processor's there is none here; the program is then run with the emulator's libraries.
  arguments+=(--build-arg RUNTIME_IMAGE=scratch)
fi
export ORANGE_IMAGE=orange-meets:test-$other COMPOSE_BAKE=false

say "building the image for $other (the build's log is $work/build-$other.log)"
docker image rm --force "$ORANGE_IMAGE" >/dev/null 2>&1 || true
if ! DOCKER_DEFAULT_PLATFORM=linux/$other docker-compose --file deploy/compose.yaml \
  --progress plain build "${arguments[@]}" >"$work/build-$other.log" 2>&1 ||
  ! docker image inspect "$ORANGE_IMAGE" >/dev/null 2>&1; then
  tail -n 40 "$work/build-$other.log"
  say "the image is not built"
  exit 1
fi
say "running what is in it under emulation"
ORANGE_OTHER=$other ORANGE_OTHER_PROCESSOR=$(deploy/setup.sh processor "$other") \
  pytest --quiet -p no:cacheprovider deploy/tests/engine/test_other_processor.py "$@"
