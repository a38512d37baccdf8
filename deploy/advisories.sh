#!/usr/bin/env bash
# Looks up known vulnerabilities of the locked crates in the RustSec advisory database.
#   deploy/advisories.sh            runs cargo-audit, which downloads the database
#   deploy/advisories.sh lock FILE  only writes the lock file that cargo-audit reads
#
# cargo-audit looks up only crates from a registry. In Cargo.lock, the patched str0m has no source,
# like a crate of the workspace; here it gets the source and checksum of the published crate.
set -euo pipefail
out=$(realpath -m "${2:-$(dirname "$0")/../target/advisories/Cargo.lock}")
cd "$(dirname "$0")/.."

read -r checksum crate <sfu/str0m/str0m.sha256
version=${crate#str0m-}
mkdir -p "$(dirname "$out")"
awk -v version="${version%.crate}" -v checksum="$checksum" '
  { print }
  /^name = / { name = $3 }
  name == "\"str0m\"" && $0 == "version = \"" version "\"" {
    print "source = \"registry+https://github.com/rust-lang/crates.io-index\""
    print "checksum = \"" checksum "\""
  }' Cargo.lock >"$out"
[ "${1:-}" != lock ] || exit 0

audit=.tools/bin/cargo-audit
if [ ! -x "$audit" ]; then
  echo "advisories: installing cargo-audit into .tools (a few minutes)"
  cargo install --quiet --locked --root .tools cargo-audit
fi
"$audit" audit --file "$out"
