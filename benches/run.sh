#!/usr/bin/env bash
# The short set of measurements behind the README's table: three runs of each load, frames and
# handshakes, and at the end one table (also in target/bench/: table.md, table.json).
#   benches/run.sh          all of it, under six minutes after building
#   benches/run.sh smoke    one load of 20 seconds: fails on a broken figure, never on a slow one
# PROFILE=debug takes the binaries of the debug profile; its times say nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

profile=${PROFILE:-release}
bench=target/$profile/orange-bench
server=target/$profile/orange-meets
out=$PWD/target/bench
release=()
if [ "$profile" = release ]; then release=(--release); fi
cargo build "${release[@]}" --locked --package orange-meets --package orange-bench
mkdir -p "$out"

if [ "${1:-}" = smoke ]; then
  exec timeout 120 "$bench" load --server "$server" --publishers 2 --viewers 2 --seconds 15
fi

# Built beforehand: no compiler runs beside a measurement.
cargo bench --locked --package orange-bench --benches --no-run
rm -rf "$out"/*.json target/criterion
broken=0
load() {
  local name=$1 run
  shift
  for run in 1 2 3; do
    printf '\n== %s, run %d\n' "$name" "$run"
    timeout 120 "$bench" load --server "$server" --json "$out/$name.$run.json" "$@" || broken=1
  done
}
load '1 → 10' --publishers 1 --viewers 10 --video-kbps 8000
load '5 × 5' --publishers 5 --viewers 0 --video-kbps 4000
load 'pair' --publishers 2 --viewers 0 --seconds 5
load 'pair, classic' --publishers 2 --viewers 0 --seconds 5 --classic

printf '\n== frames\n'
cargo bench --locked --package orange-bench --bench sframe -- --noplot --quiet

printf '\n== handshakes\n'
cargo bench --locked --package orange-bench --bench mls -- "$out/mls.json"

printf '\n'
"$bench" table "$out" | tee "$out/table.md"
exit "$broken"
