#!/usr/bin/env bash
# All that a fresh clone needs: npm packages, the engine, the compiled gateway. Takes a second when all is there,
# may be interrupted anywhere. `npm run demo`, `npm start` and `npm test` begin with it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
say() { printf 'setup: %s\n' "$*" >&2; }

# Two at once in one checkout take turns.
exec 8<scripts/setup.sh
flock -n 8 || { say "waiting for another set-up"; flock 8; }

node -e 'const [major, minor] = process.versions.node.split(".").map(Number)
  process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)' 2>/dev/null ||
  { say "Node 20.19 or newer is needed, found: $(node --version 2>/dev/null || echo none)"; exit 1; }

lock=$(sha256sum package-lock.json | cut -c1-16)
# The stamp holds what node_modules was made from.
if [ "$(cat node_modules/.setup-stamp 2>/dev/null)" != "$lock" ]; then
  say "installing npm packages"
  npm ci --no-audit --no-fund --loglevel=error >&2
  echo "$lock" >node_modules/.setup-stamp
fi

engine=$(scripts/build-engine.sh native)
ln -sfn "$(dirname "$(dirname "$engine")")" .engine

scripts/compile.sh
[ "$SECONDS" -lt 2 ] || say "ready after $SECONDS s"
