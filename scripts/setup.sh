#!/usr/bin/env bash
# All that a fresh clone needs: npm packages, the engine, the compiled gateway. Takes a second when all is there,
# may be interrupted anywhere. `npm run demo`, `npm start` and `npm test` begin with it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
say() { printf 'setup: %s\n' "$*" >&2; }

# Two at once in one checkout take turns.
exec 8<scripts/setup.sh
flock -n 8 || { say "waiting for another set-up"; flock 8; }

# Every step leaves a stamp that holds what it was made from.
fresh() { [ -e "$1" ] && [ "$(cat "$1")" = "$2" ]; }

node -e 'const [major, minor] = process.versions.node.split(".").map(Number)
  process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)' 2>/dev/null ||
  { say "Node 20.19 or newer is needed, found: $(node --version 2>/dev/null || echo none)"; exit 1; }

lock=$(sha256sum package-lock.json | cut -c1-16)
if ! fresh node_modules/.setup-stamp "$lock"; then
  say "installing npm packages"
  npm ci --no-audit --no-fund --loglevel=error >&2
  echo "$lock" >node_modules/.setup-stamp
  worked=yes
fi

engine=$(scripts/build-engine.sh native)
ln -sfn "$(dirname "$(dirname "$engine")")" .engine

sources=$(find src scripts/build-confine.sh tsconfig.json tsconfig.build.json package-lock.json -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -c1-16)
if ! fresh dist/.setup-stamp "$sources"; then
  say "compiling the gateway"
  rm -rf dist.new
  node_modules/.bin/tsc -p tsconfig.build.json --outDir dist.new
  scripts/build-confine.sh dist.new/engine/confine >&2 || say "the engine will have a network: its confinement does not compile here"
  echo "$sources" >dist.new/.setup-stamp
  rm -rf dist && mv dist.new dist
  worked=yes
fi
[ -z "${worked-}" ] || say "ready after $SECONDS s"
