#!/usr/bin/env bash
# Makes the base images of deploy/Dockerfile out of this machine, for where no image registry can
# be reached: Debian from its mirror, with the Rust, the Node.js and the certificate authorities
# that are installed here. Prints the build arguments that name them.
# Needs root, debootstrap, a running Docker engine, and rustc with the target
# wasm32-unknown-unknown.
#   deploy/tests/bases.sh <work folder>
set -euo pipefail

work=${1:?say where to work}
rootfs=$work/rootfs
mkdir -p "$work"

sysroot=$(rustc --print sysroot)
[ -d "$sysroot/lib/rustlib/wasm32-unknown-unknown" ] ||
  { echo "bases: the Rust target wasm32-unknown-unknown is not installed" >&2; exit 1; }

if [ ! -e "$rootfs/.complete" ]; then
  echo "bases: Debian by debootstrap (a few minutes)" >&2
  debootstrap --variant=minbase --include=build-essential,ca-certificates bookworm "$rootfs" \
    >"$work/debootstrap.log"
  touch "$rootfs/.complete"
fi
authorities=/etc/ssl/certs/ca-certificates.crt
[ ! -r "$authorities" ] || cp -L "$authorities" "$rootfs$authorities"

echo "bases: Rust and a C compiler" >&2
tar -C "$rootfs" --exclude='./proc/*' --exclude='./sys/*' --exclude='./dev/*' \
  --exclude='./var/cache/apt/archives/*.deb' -c . | docker import - orange-meets-base:debian >/dev/null
docker build --quiet --tag orange-meets-base:rust --file - "$sysroot" >/dev/null <<EOT
FROM orange-meets-base:debian
COPY bin /usr/local/bin/
COPY lib /usr/local/lib/
ENV PATH=/usr/local/bin:/usr/bin:/bin CARGO_HOME=/usr/local/cargo
ENV SSL_CERT_FILE=$authorities CARGO_HTTP_CAINFO=$authorities NODE_EXTRA_CA_CERTS=$authorities
EOT

echo "bases: Node.js" >&2
rm -rf "$work/node"
mkdir -p "$work/node/usr/local/bin" "$work/node/usr/local/lib/node_modules"
cp "$(readlink -f "$(command -v node)")" "$work/node/usr/local/bin/node"
cp -r "$(npm root --global)/npm" "$work/node/usr/local/lib/node_modules/npm"
tar -C "$work/node" -c . | docker import - orange-meets-base:node >/dev/null

echo "bases: glibc and nothing else" >&2
(
  cd "$rootfs"
  tar -c lib lib64 usr/lib64 \
    usr/lib/*-linux-gnu/{ld-linux-*,libc.so.6,libm.so.6,libgcc_s.so.1}
) | docker import - orange-meets-base:runtime >/dev/null

for base in rust node runtime; do
  printf -- '--build-arg\n%s_IMAGE=orange-meets-base:%s\n' "${base^^}" "$base"
done
