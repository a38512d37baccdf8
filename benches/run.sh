#!/usr/bin/env bash
# The short set of measurements behind the README's table: three runs of each load, frames and
# handshakes, and at the end one table (also in target/bench/: table.md, table.json).
#   benches/run.sh          all of it, about fifteen minutes after building
#   benches/run.sh wishes   what links and wishes do to pictures and sound, and a storm of joins: four minutes
#   benches/run.sh smoke    two loads of 10 seconds: fails on a broken figure, never on a slow one
# PROFILE=debug takes the binaries of the debug profile: its times say nothing, and the second load,
# which could be too much for it, is left out.
set -euo pipefail
cd "$(dirname "$0")/.."

profile=${PROFILE:-release}
bench=target/$profile/orange-bench
server=target/$profile/orange-meets
out=$PWD/target/bench
# The debug build is that of the tests: features are those of the whole workspace.
build=(--workspace --bins)
if [ "$profile" = release ]; then build=(--release --package orange-meets --package orange-bench); fi
cargo build --locked "${build[@]}"
mkdir -p "$out"

if [ "${1:-}" = smoke ]; then
  loads=(benches/scenarios/smoke.toml)
  if [ "$profile" = release ]; then loads+=(benches/scenarios/mesh-10.toml); fi
  exec timeout 240 "$bench" load "${loads[@]}" --server "$server"
fi

if [ "${1:-}" = wishes ]; then
  exec timeout 480 "$bench" load --server "$server" --out "$out/wishes" \
    benches/scenarios/{mesh-10-simulcast,webinar-wishes,narrow,loss,lossy,join-storm}.toml
fi

# Built beforehand: no compiler runs beside a measurement.
cargo bench --locked --package orange-bench --benches --no-run
rm -rf "$out"/*.json target/criterion
broken=0
printf '== rooms\n'
timeout 1200 "$bench" load benches/scenarios/{webinar-10,webinar-50,webinar-200,mesh-10,mesh-20,pair}.toml \
  --server "$server" --runs 3 --out "$out" || broken=1
# A peer under the same load, where it is there (Debian's package janus).
if command -v janus >/dev/null; then
  timeout 600 "$bench" load benches/scenarios/{webinar-50,mesh-10}.toml \
    --peer janus --peer janus-loops --runs 3 --out "$out" || true
fi

printf '\n== forwarding, allocation, delivery, frames\n'
cargo bench --locked --package orange-bench --bench forward --bench delivery --bench sframe -- \
  --noplot --quiet

printf '\n== handshakes\n'
cargo bench --locked --package orange-bench --bench mls -- "$out/mls.json"

printf '\n'
"$bench" table "$out" | tee "$out/table.md"
"$bench" page "$out" --html "$out/index.html"
printf '\nwith charts: %s\n' "$out/index.html"
exit "$broken"
