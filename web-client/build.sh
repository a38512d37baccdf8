#!/usr/bin/env bash
# Builds the web client into web-client/dist, if anything that goes into it is newer.
set -euo pipefail
cd "$(dirname "$0")"

built=dist/index.html
sources=(src index.html vite.config.ts tsconfig.json package-lock.json)
[ -d public ] && sources+=(public)
if [ -f "$built" ] && [ -z "$(find "${sources[@]}" -newer "$built" -print -quit)" ]; then
  exit 0
fi
npm run --silent build
touch "$built"
