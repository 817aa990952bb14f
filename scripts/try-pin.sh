#!/usr/bin/env bash
# Tries the patches on another llama.cpp, builds it and runs the engine's tests with it, and says what fails where.
# usage: try-pin.sh PACKAGE [--apply]     PACKAGE is node-llama-cpp@VERSION, or a file of such a package
#   --apply  only the patches
# The folder that it prints holds PIN and patches/ as they would be for that release, once all of them apply.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
package=${1:?usage: try-pin.sh node-llama-cpp@VERSION [--apply]}
pin=${ENGINE_PIN:-$root/vendor/llama.cpp/PIN}
patches=${ENGINE_PATCHES:-$root/vendor/llama.cpp/patches}
cache=${LLAMA_VISION_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/llama-vision}
work=$cache/try-pin/$(basename "$package" .tgz)
tree=$work/source
# shellcheck disable=SC2046
unset $(git rev-parse --local-env-vars)
# shellcheck disable=SC1090
source "$pin"

say() { printf 'try-pin: %s\n' "$*" >&2; }
in_tree() { git -C "$tree" -c user.name=try-pin -c user.email=try-pin@localhost -c core.autocrlf=false "$@"; }

rm -rf "$work"
mkdir -p "$work/none" "$work/patches" "$work/fetched"
# What the patches were written for, each a commit: the third side of its merge.
ENGINE_PIN=$pin ENGINE_PATCHES=$work/none "$root/scripts/engine-source.sh" "$tree"
for patch in "$patches"/*.patch; do
  in_tree apply --index "$patch"
  in_tree commit --quiet --allow-empty -m "$(basename "$patch")"
  in_tree tag "ours-$(basename "$patch" .patch)"
done

say "fetching $package"
(cd "$work/fetched" && npm pack --silent "$package" >/dev/null)
archive=$(echo "$work"/fetched/*.tgz)
tar -xzf "$archive" -C "$work/fetched" "package/$NPM_BUNDLE"
release=$(tar -xzOf "$archive" package/llama/llama.cpp.info.json 2>/dev/null | sed -n 's/.*"tag": "\([^"]*\)".*/\1/p')
in_tree fetch --quiet "$work/fetched/package/$NPM_BUNDLE" HEAD
in_tree checkout --quiet --detach FETCH_HEAD
cat >"$work/PIN" <<EOF
VERSION=$release
COMMIT=$(in_tree rev-parse HEAD)
TREE=$(in_tree rev-parse 'HEAD^{tree}')
NPM_PACKAGE=$package
NPM_INTEGRITY=sha512-$(openssl dgst -sha512 -binary "$archive" | base64 -w0)
NPM_BUNDLE=$NPM_BUNDLE
GIT_URL=$GIT_URL
GIT_TAG=$release
EOF

# The patch as it is for this release, under the message that it had.
renew() {
  { sed '/^---$/,$d' "$1"; echo ---; in_tree diff --stat HEAD~1 HEAD; echo; in_tree diff --full-index HEAD~1 HEAD; } \
    >"$work/patches/$(basename "$1")"
}

failed=0
for patch in "$patches"/*.patch; do
  name=$(basename "$patch")
  if in_tree apply --check "$patch" 2>/dev/null; then how=applies; else how='applies, merged'; fi
  if in_tree cherry-pick --allow-empty "ours-$(basename "$patch" .patch)" >"$work/apply.log" 2>&1; then
    renew "$patch"
    echo "$name: $how"
    continue
  fi
  failed=$((failed + 1))
  echo "$name: FAILS"
  # Where it could not be merged; a file that one of the two has not at all has no such places.
  for file in $(in_tree diff --name-only --diff-filter=U); do
    { grep -n '^<<<<<<< ' "$tree/$file" 2>/dev/null || echo 'not there'; } | cut -d: -f1 | sed "s|^|  $file:|"
  done
  in_tree reset --quiet --hard
done
echo "$release: $failed of $(find "$patches" -name '*.patch' | wc -l) patches fail"
if [ "$failed" -gt 0 ]; then exit 1; fi
echo "$work"
if [ "${2:-}" = --apply ]; then exit 0; fi

ENGINE_PATH=$(ENGINE_PIN=$work/PIN ENGINE_PATCHES=$work/patches "$root/scripts/build-engine.sh" native)
export ENGINE_PATH
say "running the engine's tests with $ENGINE_PATH"
cd "$root"
npx tap --disable-coverage --reporter=tap test/llama-vision/*.test.ts test/e2e/{answers,families}*.test.ts |
  grep -E '^(not ok|    not ok|# \{)'
