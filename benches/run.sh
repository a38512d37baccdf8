#!/usr/bin/env bash
# The short set of measurements behind the README's table. Results also go to target/bench/*.json.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo build --release --locked --package orange-meets --package orange-bench
mkdir -p target/bench

load() {
  local name=$1
  shift
  printf '\n== %s\n' "$name"
  target/release/orange-bench load --server target/release/orange-meets \
    --json "target/bench/$name.json" "$@"
}

load webinar-1x10 --publishers 1 --viewers 10 --video-kbps 8000
load mesh-5x5 --publishers 5 --viewers 0 --video-kbps 4000
load pair --publishers 2 --viewers 0
load pair-classic --publishers 2 --viewers 0 --classic

printf '\n== frame protection\n'
cargo bench --locked --package orange-bench --bench sframe -- --quick --noplot
