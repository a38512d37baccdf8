#!/usr/bin/env bash
# Writes the software bill of materials (SPDX 2.3, JSON): what the lock files name, with versions
# and licences where they are known.
#   deploy/sbom.sh [file]     target/sbom.spdx.json, if none is named
set -euo pipefail
out=$(realpath -m "${1:-$(dirname "$0")/../target/sbom.spdx.json}")
cd "$(dirname "$0")/.."
source deploy/tests/tools.sh

# The lock files alone: whatever else lies about here is not part of what is shipped.
locks=$(mktemp -d)
trap 'rm -rf "$locks"' EXIT
cp Cargo.lock web-client/package-lock.json "$locks/"
mkdir -p "$(dirname "$out")"
SYFT_CHECK_FOR_APP_UPDATE=false syft scan "dir:$locks" --quiet --source-name orange-meets \
  --output "spdx-json=$out"
