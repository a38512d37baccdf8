#!/usr/bin/env bash
# Puts the published str0m with the patches of this folder into sfu/str0m/source, from where the
# workspace takes it ([patch.crates-io] in Cargo.toml). Does nothing if that is up to date.
#   sfu/str0m/patch.sh                  what the build needs
#   sfu/str0m/patch.sh published DIR    only the published source, into the new folder DIR
set -euo pipefail
cd "$(dirname "$0")"

say() { printf 'str0m: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

read -r checksum crate <str0m.sha256
name=${crate%.crate}
version=${name#str0m-}

# Prints the path of the crate in cargo's cache, if it is there.
cached() {
  local found
  for found in "${CARGO_HOME:-$HOME/.cargo}"/registry/cache/*/"$crate"; do
    [ ! -f "$found" ] || { echo "$found"; return; }
  done
}

# Has cargo download the crate. The workspace cannot be loaded before the source is there, so this
# needs a manifest of its own; with the workspace's lock file, cargo downloads nothing else that the
# build does not need as well.
download() {
  local manifest=$1/fetch
  mkdir -p "$manifest/src"
  touch "$manifest/src/lib.rs"
  cp ../../Cargo.lock "$manifest/"
  cat >"$manifest/Cargo.toml" <<TOML
[workspace]
[package]
name = "fetch-str0m"
edition = "2024"
[dependencies]
str0m = { version = "=$version", default-features = false, features = ["aws-lc-rs"] }
TOML
  say "downloading $name"
  cargo fetch --quiet --manifest-path "$manifest/Cargo.toml"
  rm -r "$manifest"
}

# Unpacks the published source into a folder, after its checksum is verified.
unpack() {
  local into=$1 found
  found=$(cached)
  [ -n "$found" ] || { download "$into"; found=$(cached); }
  [ -n "$found" ] || die "cargo has not put $crate into its cache"
  echo "$checksum  $found" | sha256sum --check --status ||
    die "$found does not have the checksum of str0m.sha256"
  # With the time of unpacking, or cargo takes a file for unchanged that a patch no longer changes.
  tar --extract --gzip --touch --strip-components 1 --file "$found" --directory "$into"
}

if [ "${1:-}" = published ]; then
  mkdir "${2:?name a new folder}"
  unpack "$(realpath "$2")"
  exit 0
fi

grep -qE "^str0m = \{ version = \"=$version\"" ../../Cargo.toml ||
  die "the workspace's Cargo.toml does not name str0m =$version, as str0m.sha256 does"

stamp() { sha256sum patch.sh str0m.sha256 patches/*.patch; }
exec 9>.lock
flock 9
if [ -f source/.stamp ] && stamp | cmp -s - source/.stamp; then exit 0; fi

command -v patch >/dev/null || die "patch is missing: run make setup"
rm -rf source.new
mkdir source.new
unpack source.new
for change in patches/*.patch; do
  patch --directory source.new --strip 1 --fuzz 0 --forward --batch --quiet <"$change" ||
    die "$change does not apply to $name"
done
stamp >source.new/.stamp
rm -rf source
mv source.new source
say "$name with $(find patches -name '*.patch' | wc -l) patches is in sfu/str0m/source"
