#!/usr/bin/env bash
# Checks the configurations and the mutations in this folder.
#   tla/run.sh        short bounds, in less than three minutes
#   tla/run.sh full   the long ones as well, in about half an hour
#   tla/run.sh hours  all of them; the last two take hours here and minutes in Rust
# The first lines of a configuration state the expected verdict and the exact number of states: a
# checker that stops early, or an unintended change of the model, must not pass for a proof.
set -euo pipefail
cd "$(dirname "$0")"

CHECKER=../.tools/bin/tla
BOUNDS=(--max-states 20000000 --max-depth 1000)

# Prints the value of a key in a configuration's first lines, e.g. `\* Expect: passes, 236 states`.
head_of() { sed -nE "s/^\\\\\* $1: (.*)\$/\\1/p" "$2"; }

# Runs one configuration and prints its result.
check() {
  local cfg=$1 name spec expected output code=0 verdict states began=$EPOCHREALTIME seconds n
  name=$(basename "$cfg" .cfg)
  spec=$([ "${cfg%%/*}" = mutations ] && echo Mutations.tla || echo Properties.tla)
  expected=$(head_of Expect "$cfg")
  n=$(sed -nE 's/^ *N = ([0-9]+)$/\1/p' "$cfg")
  # The exit code alone is not enough: a limit that was hit exits as a violation does.
  output=$("$CHECKER" "$spec" --config "$cfg" "${BOUNDS[@]}" 2>&1) || code=$?
  states=$(sed -nE 's/^ *(Reachable states|States explored): ([0-9]+).*/\2/p' <<<"$output" | tail -1)
  if [ $code -eq 0 ] && grep -q '^Model checking complete. No errors found.$' <<<"$output"; then
    verdict=passes
  else
    verdict=$(sed -nE 's/^Invariant [0-9]+ \((.*)\) violated!$/violates \1/p
      s/^Liveness property violated: (.*)$/violates \1/p' <<<"$output" | tail -1)
  fi
  seconds=$(awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')
  verdict="${verdict:-no verdict}, ${states:-no} states"
  printf '%-50s N=%s  %-44s %6ss\n' "$name" "$n" "$verdict" "$seconds"
  [ "$verdict" = "$expected" ] && return 0
  printf '%s: expected "%s"; the checker says (exit %s):\n%s\n' \
    "$name" "$expected" "$code" "$(tail -40 <<<"$output")" >&2
  return 1
}

if [ "${1:-}" = check ]; then
  check "$2"
  exit
fi

../deploy/setup.sh model
cfgs=()
for cfg in configurations/*.cfg mutations/*.cfg; do
  case "$(head_of Run "$cfg"):${1:-}" in
    :* | long:full | long:hours | hours:hours) cfgs+=("$cfg") ;;
  esac
done
# Two at a time: each needs one core.
printf '%s\n' "${cfgs[@]}" | xargs -P 2 -I{} ./run.sh check {}
echo "models: ${#cfgs[@]} configurations came out as expected"
