#!/usr/bin/env bash
# Compiles the gateway and what confines the engine into dist/, whole or not at all; does nothing where nothing changed.
# Part of the set-up, and what `npm pack` begins with.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
say() { printf 'setup: %s\n' "$*" >&2; }

# The stamp holds what dist was made from.
sources=$(find src scripts/build-confine.sh tsconfig.json tsconfig.build.json package-lock.json -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -c1-16)
if [ -e dist/.setup-stamp ] && [ "$(cat dist/.setup-stamp)" = "$sources" ]; then exit 0; fi

say "compiling the gateway"
rm -rf dist.new
node_modules/.bin/tsc -p tsconfig.build.json --outDir dist.new
scripts/build-confine.sh dist.new/engine/confine >&2 || say "the engine will have a network: its confinement does not compile here"
echo "$sources" >dist.new/.setup-stamp
rm -rf dist && mv dist.new dist
