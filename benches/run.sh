#!/usr/bin/env bash
# The short set of measurements behind the README's table: three runs of each load, the frame
# protection, and the table at the end (also in target/bench/table.md).
#   benches/run.sh          all of it, about six minutes after building
#   benches/run.sh smoke    one short load: fails on a broken figure, never on a slow one
set -euo pipefail
cd "$(dirname "$0")/.."

bench=target/release/orange-bench
server=target/release/orange-meets
out=target/bench
cargo build --release --locked --package orange-meets --package orange-bench
mkdir -p "$out"

if [ "${1:-}" = smoke ]; then
  exec "$bench" load --server "$server" --publishers 2 --viewers 2 --seconds 5
fi

rm -f "$out"/*.json
load() {
  local name=$1 run
  shift
  for run in 1 2 3; do
    printf '\n== %s, run %d\n' "$name" "$run"
    "$bench" load --server "$server" --json "$out/$name.$run.json" "$@"
  done
}
load 'webinar 1 → 10' --publishers 1 --viewers 10 --video-kbps 8000
load 'mesh 5 × 5' --publishers 5 --viewers 0 --video-kbps 4000
load 'two people' --publishers 2 --viewers 0 --seconds 5
load 'two people, classic suite' --publishers 2 --viewers 0 --seconds 5 --classic

printf '\n== frame protection\n'
cargo bench --locked --package orange-bench --bench sframe --bench mls -- --noplot

"$bench" table "$out" | tee "$out/table.md"
