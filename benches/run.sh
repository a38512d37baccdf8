#!/usr/bin/env bash
# The short set of measurements behind the README's table: three runs of each scenario, and the micro
# benchmarks. Prints tables, and writes target/bench/{table.md,table.json,index.html}.
#   benches/run.sh              everything, about fifteen minutes after building
#   benches/run.sh constraints  video constraints, impaired links and a burst of joins: four minutes
#   benches/run.sh smoke        two scenarios of 10 seconds; fails on implausible results, not on slow ones
# PROFILE=debug uses the debug build, whose times mean nothing, and skips the second smoke scenario,
# which could overload it.
set -euo pipefail
cd "$(dirname "$0")/.."

profile=${PROFILE:-release}
bench=target/$profile/orange-bench
server=target/$profile/orange-meets
out=$PWD/target/bench
# The debug build is shared with the tests, so it uses the features of the whole workspace.
build=(--workspace --bins)
if [ "$profile" = release ]; then build=(--release --package orange-meets --package orange-bench); fi
cargo build --locked "${build[@]}"
mkdir -p "$out"

if [ "${1:-}" = smoke ]; then
  loads=(benches/scenarios/smoke.toml)
  if [ "$profile" = release ]; then loads+=(benches/scenarios/mesh-10.toml); fi
  exec timeout 240 "$bench" load "${loads[@]}" --server "$server"
fi

if [ "${1:-}" = constraints ]; then
  exec timeout 480 "$bench" load --server "$server" --out "$out/constraints" \
    benches/scenarios/{mesh-10-simulcast,webinar-constraints,narrow,loss,lossy,join-storm}.toml
fi

# Builds first, so that no compiler runs during a measurement.
cargo bench --locked --package orange-bench --benches --no-run
rm -rf "$out"/*.json target/criterion
failed=0
printf '== scenarios\n'
timeout 1200 "$bench" load benches/scenarios/{webinar-10,webinar-50,webinar-200,mesh-10,mesh-20,pair}.toml \
  --server "$server" --runs 3 --out "$out" || failed=1
# Another SFU under the same load, if it is installed (Debian's package janus).
if command -v janus >/dev/null; then
  timeout 600 "$bench" load benches/scenarios/{webinar-50,mesh-10}.toml \
    --peer janus --peer janus-loops --runs 3 --out "$out" || true
fi

printf '\n== forwarding, allocation, delivery, SFrame\n'
cargo bench --locked --package orange-bench --bench forward --bench delivery --bench sframe -- \
  --noplot --quiet

printf '\n== MLS\n'
cargo bench --locked --package orange-bench --bench mls -- "$out/mls.json"

printf '\n'
"$bench" table "$out" | tee "$out/table.md"
"$bench" page "$out" --html "$out/index.html"
printf '\nwith charts: %s\n' "$out/index.html"
exit "$failed"
