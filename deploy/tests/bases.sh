#!/usr/bin/env bash
# Builds the base images of deploy/Dockerfile without an image registry: Debian from its mirror,
# with the Rust, Node.js and certificate authorities of this machine. Requires root, debootstrap and
# a running Docker engine.
#   deploy/tests/bases.sh <work folder>
set -euo pipefail

work=${1:?usage: bases.sh <work folder>}
rootfs=$work/rootfs
authorities=/etc/ssl/certs/ca-certificates.crt
mkdir -p "$work"

# Imports the contents of a folder as an image.
import() {
  local name=$1 folder=$2
  shift 2
  tar -C "$folder" --exclude='./proc/*' --exclude='./sys/*' --exclude='./dev/*' \
    --exclude='./var/cache/apt/archives/*.deb' --exclude='./var/lib/apt/lists/*' -c . |
    docker import "$@" - "orange-meets-base:$name" >/dev/null
}
is_made() { docker image inspect "orange-meets-base:$1" >/dev/null 2>&1; }

if is_made rust && is_made node && is_made runtime; then exit 0; fi

if [ ! -e "$rootfs/.complete" ]; then
  echo "bases: Debian by debootstrap (a few minutes)" >&2
  [ -e "$rootfs/etc/debian_version" ] ||
    debootstrap --variant=minbase --include=build-essential,ca-certificates bookworm "$rootfs" \
      >"$work/debootstrap.log"
  [ ! -r "$authorities" ] || cp -L "$authorities" "$rootfs$authorities"
  cp -L /etc/resolv.conf "$rootfs/etc/resolv.conf"
  echo "deb http://deb.debian.org/debian-security bookworm-security main" \
    >"$rootfs/etc/apt/sources.list.d/security.list"
  echo "bases: Debian's Rust for WebAssembly, and coturn" >&2
  chroot "$rootfs" sh -ec '
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update
    apt-get -qq install --yes --no-install-recommends rustc-web cargo-web rust-web-src lld-19 coturn
  ' >>"$work/debootstrap.log"
  touch "$rootfs/.complete"
fi

if ! is_made rust; then
  echo "bases: Rust and a C compiler" >&2
  sysroot=$(rustc --print sysroot)
  for folder in bin lib; do cp --archive --force "$sysroot/$folder/." "$rootfs/usr/local/$folder/"; done
  import rust "$rootfs" --change "ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
    --change "ENV CARGO_HOME=/usr/local/cargo" --change "ENV CARGO_HTTP_CAINFO=$authorities" \
    --change "ENV SSL_CERT_FILE=$authorities" --change "ENV NODE_EXTRA_CA_CERTS=$authorities"
fi

if ! is_made node; then
  echo "bases: Node.js" >&2
  mkdir -p "$work/node/usr/local/bin" "$work/node/usr/local/lib/node_modules"
  cp "$(readlink -f "$(command -v node)")" "$work/node/usr/local/bin/node"
  cp -r "$(npm root --global)/npm" "$work/node/usr/local/lib/node_modules/npm"
  import node "$work/node"
  rm -r "$work/node"
fi

if ! is_made runtime; then
  echo "bases: glibc, certificate authorities, and nothing else" >&2
  mkdir -p "$work/runtime"
  (
    cd "$rootfs"
    tar -c lib lib64 usr/lib64 "${authorities#/}" \
      usr/lib/*-linux-gnu/{ld-linux-*,libc.so.6,libm.so.6,libgcc_s.so.1}
  ) | tar -C "$work/runtime" -x
  import runtime "$work/runtime"
  rm -r "$work/runtime"
fi
# Frees two gigabytes, which are in the images now.
rm -r "$rootfs"
