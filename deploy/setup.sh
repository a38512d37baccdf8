#!/usr/bin/env bash
# Installs what a build (or the browser tests) need and this machine lacks, and says what.
#   deploy/setup.sh build     compiler, WASM toolchain and the patched str0m
#   deploy/setup.sh image     those tools, and cargo-auditable, which writes into the binary what it is made of
#   deploy/setup.sh cross ARCH       a compiler for amd64 or arm64, where this machine is the other
#   deploy/setup.sh emulation ARCH   what runs programs for amd64 or arm64 there
#   deploy/setup.sh processor ARCH   nothing: tells what compilers call that
#   deploy/setup.sh browser   Chromium, Firefox and coturn, for the tests
#   deploy/setup.sh deploy    Python with venv, for the checks of deploy/
#   deploy/setup.sh engine    Docker and debootstrap, for the test that runs the image
#   deploy/setup.sh model     the checker of the TLA+ models
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

# Installs Debian packages, if any are named.
debian() {
  [ $# -gt 0 ] || return 0
  has apt-get || die "please install these with your system's package manager, then run again: $*"
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    has sudo || die "please run as root, then again as yourself: apt-get install $*"
    as_root=(sudo)
  fi
  say "installing Debian packages: $*"
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# The std of the browser's target: rustup's, or else Debian's compiler with the source of std.
wasm_toolchain() {
  local target=wasm32-unknown-unknown missing=() package
  [ -d "$(rustc --print sysroot)/lib/rustlib/$target" ] && return 0
  for package in rustc-web cargo-web rust-web-src lld-19; do
    dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if has rustup; then
    say "adding the Rust target $target"
    if rustup target add "$target" >/dev/null 2>&1; then return 0; fi
    say "rustup could not add it; using Debian's Rust for WebAssembly instead"
  fi
  debian "${missing[@]}"
}

build() {
  has cargo || die "Rust is missing: install it by https://rustup.rs and run again"
  has npm || die "Node.js is missing: install version 20 or later with npm and run again"
  [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] ||
    die "Node.js $(node --version) is too old: version 20 or later is needed"
  local missing=()
  has cc || missing+=(build-essential)
  has patch || missing+=(patch)
  debian "${missing[@]}"
  wasm_toolchain
}

# `cargo audit bin` reads from the binary which crates, at which versions, are in it.
cargo_auditable() {
  local version=0.7.7
  if [ ! -x .tools/bin/cargo-auditable ]; then
    say "installing cargo-auditable $version into .tools (a minute)"
    cargo install --quiet --root .tools --version "$version" cargo-auditable
  fi
}

# What compilers call a processor, by what images call it.
processor() {
  case "$1" in
    amd64) echo x86_64 ;;
    arm64) echo aarch64 ;;
    *) die "there is no image for $1: amd64 and arm64 are what is built" ;;
  esac
}

# A compiler for another kind of processor, and what it links with: std, libgcc and glibc.
cross() {
  local processor target
  processor=$(processor "$1")
  target=$processor-unknown-linux-gnu
  [ "$processor" != "$(uname -m)" ] || return 0
  if [ ! -d "$(rustc --print sysroot)/lib/rustlib/$target" ]; then
    say "adding the Rust target $target"
    rustup target add "$target" >/dev/null 2>&1 || die "Rust's std for $target is not to be had"
  fi
  debian "gcc-${processor/_/-}-linux-gnu" "libc6-dev-$1-cross"
}

# What runs the other processor's programs, and the libraries that they are started with.
emulation() {
  local processor missing=()
  processor=$(processor "$1")
  has "qemu-$processor-static" || missing+=(qemu-user-static)
  [ -e "/usr/$processor-linux-gnu/lib/libgcc_s.so.1" ] ||
    missing+=("libc6-$1-cross" "libgcc-s1-$1-cross")
  debian "${missing[@]}"
}

browser() {
  local missing=()
  [ -n "${CHROMIUM:-}" ] || [ -x /usr/bin/chromium ] || missing+=(chromium)
  [ -n "${FIREFOX:-}" ] || [ -x /usr/bin/firefox-esr ] || missing+=(firefox-esr)
  [ -n "${TURNSERVER:-}" ] || [ -x /usr/bin/turnserver ] || missing+=(coturn)
  debian "${missing[@]}"
}

# The tools themselves are packages, which deploy/tests/check.sh installs.
deploy() {
  python3 -c 'import venv, ensurepip' >/dev/null 2>&1 || debian python3 python3-venv
}

engine() {
  local missing=()
  has dockerd || missing+=(docker.io iptables)
  has debootstrap || missing+=(debootstrap)
  debian "${missing[@]}"
}

# A model checker for TLA+; the state counts in tla/ were counted by this version.
tla_checker() {
  has cargo || die "Rust is missing: install it by https://rustup.rs and run again"
  local version=0.24.11
  if ! .tools/bin/tla --version 2>/dev/null | grep -qF "$version"; then
    say "installing tla-checker $version into .tools (a few minutes)"
    cargo install --quiet --root .tools --version "$version" tla-checker
  fi
}

case "${1:-}" in
  build) build; sfu/str0m/patch.sh ;;
  image) build; cargo_auditable ;;
  cross) cross "${2:-}" ;;
  emulation) emulation "${2:-}" ;;
  processor) processor "${2:-}" ;;
  browser) browser ;;
  deploy) deploy ;;
  engine) engine ;;
  model) tla_checker ;;
  *) die "say what for: build, image, cross, emulation, processor, browser, deploy, engine or model" ;;
esac
