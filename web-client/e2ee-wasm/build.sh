#!/usr/bin/env bash
# Builds the end-to-end encryption core for the browser into web-client/src/e2ee/wasm.
# A second run with nothing changed takes as long as cargo needs to see that.
#   ORANGE_WASM_TOOLCHAIN=debian   use Debian's compiler even where rustup has the target
set -euo pipefail
cd "$(dirname "$0")/../.."

target=wasm32-unknown-unknown
out=web-client/src/e2ee/wasm
bindgen=target/quick/e2ee-bindgen
optimise=web-client/node_modules/.bin/wasm-opt
built=target/wasm/$target/wasm/e2ee_wasm.wasm
stamp=target/wasm/bound.sha256

[ -x "$optimise" ] || { echo "wasm-opt is missing: run npm ci in web-client" >&2; exit 1; }

cargo build --locked --package e2ee-bindgen --profile quick --target-dir target

export CARGO_TARGET_DIR=target/wasm
arguments=(build --locked --package e2ee-wasm --profile wasm --target "$target")
if [ -d "$(rustc --print sysroot)/lib/rustlib/$target" ] && [ "${ORANGE_WASM_TOOLCHAIN:-}" != debian ]; then
  cargo "${arguments[@]}"
else
  # Debian's compiler comes without the target's std, and builds it from source.
  [ -x /usr/bin/wasm-ld-19 ] || { echo "Debian's rustc-web and lld-19 are missing: run make setup" >&2; exit 1; }
  RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=wasm-ld-19 \
    /usr/bin/cargo -Zbuild-std=std,panic_abort "${arguments[@]}"
fi

# What is bound depends on what was built and on the tools.
fingerprint() { sha256sum "$built" "$bindgen" web-client/package-lock.json "$0"; }
if [ -f "$out/e2ee_wasm_bg.wasm" ] && fingerprint | cmp -s - "$stamp"; then exit 0; fi

"$bindgen" "$built" "$out"
"$optimise" -Oz --strip-debug --strip-producers "$out/e2ee_wasm_bg.wasm" -o "$out/e2ee_wasm_bg.wasm"
fingerprint >"$stamp"

size() { printf '%d kB' $((($1 + 500) / 1000)); }
echo "WASM core: $(size "$(stat -c %s "$built")") built," \
  "$(size "$(stat -c %s "$out/e2ee_wasm_bg.wasm")") optimised," \
  "$(size "$(gzip -9 -c "$out/e2ee_wasm_bg.wasm" | wc -c)") gzip"
