#!/usr/bin/env bash
# `npm test`: set-up, lint, types, unit and end-to-end tests. The last line counts what passed and what failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/setup.sh
passed=0 failed=0

step() {
  local name=$1
  shift
  if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "not ok: $name"; fi
}
step lint node_modules/.bin/biome ci --error-on-warnings --colors=off .
step types node_modules/.bin/tsc --noEmit

# tap is built with its plugins; the run that finds others than it came with still has those.
[ node_modules/.tap-built -nt package.json ] || { node_modules/.bin/tap build >&2 && touch node_modules/.tap-built; }

results=.tap/results.tap
mkdir -p .tap
rm -f "$results"
# On a terminal tap draws; elsewhere only what fails is worth reading.
tap_status=0
if [ -t 1 ]; then
  node_modules/.bin/tap --output-file="$results" "$@" || tap_status=$?
else
  node_modules/.bin/tap --reporter=tap "$@" >"$results" || tap_status=$?
  grep -B 2 -A 30 -E '^ *not ok' "$results" || true
  grep -E '^ok|^not ok|^ERROR|^# [A-Z]' "$results" || true
fi

# tap's own count: "# { total: 140, pass: 138, fail: 2 }"
count() { tail -n 20 "$results" | grep -oE "$1: [0-9]+" | tail -n 1 | grep -oE '[0-9]+' || echo 0; }
asserted=$(count pass)
broken=$(count fail)
skipped=$(count skip)
passed=$((passed + asserted))
failed=$((failed + broken))
# Too little coverage fails the run although every assertion passed.
if [ "$tap_status" != 0 ] && [ "$broken" = 0 ]; then failed=$((failed + 1)); echo "not ok: tap ended with $tap_status"; fi
grep -oE '# SKIP.*' "$results" | sort -u || true
echo "$passed passed, $failed failed$([ "$skipped" = 0 ] || echo ", $skipped skipped")"
[ "$failed" = 0 ]
