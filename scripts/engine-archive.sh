#!/usr/bin/env bash
# Makes an archive of the engine for other machines, and its checksum: `llama-vision setup` takes it as ENGINE_ARCHIVE.
# The same engine gives the same bytes. It needs libgomp1 and libstdc++6 there, and a glibc as new as here.
# usage: engine-archive.sh FOLDER [ENGINE]      (ENGINE is the folder of a built one; otherwise the portable one is built)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
target=${1:?usage: engine-archive.sh FOLDER [ENGINE]}
engine=${2:-$(dirname "$(dirname "$("$here/build-engine.sh" portable)")")}
# shellcheck disable=SC1091
source "$here/../vendor/llama.cpp/PIN"
architecture=$(sed -n 's/.*"architecture": "\([^"]*\)".*/\1/p' "$engine/build.json")
name=llama-vision-engine-$VERSION-linux-$architecture.tar.gz

mkdir -p "$target"
staging=$(mktemp -d "$target/.archive.XXXXXX")
trap 'rm -rf "$staging"' EXIT
cp -a "$engine/bin" "$engine/licenses" "$engine/build.json" "$staging/"
cp "$here/../LICENSE" "$staging/licenses/LICENSE-llama-vision"
"$here/build-confine.sh" "$staging/confine" >&2
# Who made it and when is left out. ustar has no room for more.
tar --create --directory "$staging" --format=ustar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner \
  --mode=u=rwX,go=rX bin build.json confine licenses | gzip -9n >"$staging/$name"
mv "$staging/$name" "$target/$name"
(cd "$target" && sha256sum "$name" >"$name.sha256")
echo "$target/$name"
