#!/usr/bin/env bash
# Runs the unit tests of str0m with the patches, by the crates and versions of the workspace.
set -euo pipefail
cd "$(dirname "$0")"

# The workspace's lock file; cargo takes out what is not needed here.
cp ../../../Cargo.lock .
# The profile of the workspace, whose build of the dependencies is then used.
CARGO_TARGET_DIR=../../../target cargo test --quiet --lib \
  --config 'profile.dev.debug = "line-tables-only"' --config 'profile.dev.package."*".debug = false'
