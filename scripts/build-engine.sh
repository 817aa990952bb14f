#!/usr/bin/env bash
# Builds llama-server, and llama-quantize beside it, and prints the server's path. Built once: the result lies in the user's cache, keyed by all it is made of.
# usage: build-engine.sh [native|portable]      (ENGINE_PIN and ENGINE_PATCHES as for engine-source.sh)
#   native    for this machine's CPU, one static program
#   portable  for any CPU of this architecture: the fitting variant is picked when it starts
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
vendor=$here/../vendor/llama.cpp
pin=${ENGINE_PIN:-$vendor/PIN}
patches=${ENGINE_PATCHES:-$vendor/patches}
flavour=${1:-native}
cache=${LLAMA_VISION_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/llama-vision}

say() { printf 'engine: %s\n' "$*" >&2; }

common_options=(
  -DCMAKE_BUILD_TYPE=Release
  -DLLAMA_BUILD_IS_DEV=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_APP=OFF
  # No web page, no https, no video decoding through ffmpeg, no programs started by the server.
  -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF -DLLAMA_OPENSSL=OFF -DMTMD_VIDEO=OFF -DLLAMA_SUBPROCESS=OFF
)
case $flavour in
  native) flavour_options=(-DGGML_NATIVE=ON -DBUILD_SHARED_LIBS=OFF) ;;
  portable)
    # shellcheck disable=SC2016 # $ORIGIN is the loader's word: libraries are found beside the program
    flavour_options=(
      -DGGML_NATIVE=OFF -DGGML_BACKEND_DL=ON -DGGML_CPU_ALL_VARIANTS=ON -DBUILD_SHARED_LIBS=ON
      -DCMAKE_BUILD_WITH_INSTALL_RPATH=ON '-DCMAKE_INSTALL_RPATH=$ORIGIN'
    ) ;;
  *) echo "usage: build-engine.sh [native|portable]" >&2; exit 2 ;;
esac

"$here/install-packages.sh" git cmake ninja:ninja-build c++:g++ openssl >&2

# A native build runs only on CPUs with the same abilities, so that a cache shared by machines stays safe.
cpu_flags() { if [ "$flavour" = native ]; then grep -m1 -E '^(flags|Features)' /proc/cpuinfo || true; fi; }
key=$(
  {
    cat "$pin" "$vendor/components.json" "$here/engine-source.sh" "$here/engine-licenses.js" "${BASH_SOURCE[0]}"
    find "$patches" "$vendor/licenses" -type f -print0 | sort -z | xargs -0 -r cat
    c++ --version
    uname -m
    cpu_flags
  } | sha256sum | cut -c1-16
)
result=$cache/engine/$flavour-$key
mkdir -p "$cache/engine" "$cache/build"
if [ -x "$result/bin/llama-server" ]; then echo "$result/bin/llama-server"; exit 0; fi

# One build at a time; whoever waited finds it done.
exec 9>"$cache/build/$flavour-$key.lock"
flock -n 9 || { say "waiting for another build"; flock 9; }
if [ -x "$result/bin/llama-server" ]; then echo "$result/bin/llama-server"; exit 0; fi

# An interrupted build goes on where it stopped: the source is there whole or not at all, and ninja knows the rest.
tree=$cache/build/$flavour-$key
source=$tree/source
mkdir -p "$tree"
[ -d "$source" ] || "$here/engine-source.sh" "$source"
# shellcheck disable=SC1090
source "$pin"

# ccache is used where it is. Its entries hold for any build folder (the key is in its name), but not for another CPU:
# to the compiler "native" is the same word everywhere.
CCACHE_BASEDIR=$tree
CCACHE_NAMESPACE=$flavour-$(cpu_flags | sha256sum | cut -c1-16)
export CCACHE_BASEDIR CCACHE_NAMESPACE

say "configuring llama.cpp $VERSION ($flavour)"
cmake -G Ninja -S "$source" -B "$tree/build" "${common_options[@]}" "${flavour_options[@]}" \
  -DLLAMA_BUILD_NUMBER=1 -DLLAMA_BUILD_COMMIT="${COMMIT:0:7}" >"$tree/configure.log" 2>&1 ||
  { tail -20 "$tree/configure.log" >&2; exit 1; }

# Ninja's "[12/208] ..." as one line that moves on a terminal; elsewhere a line every tenth, or every half minute.
progress() {
  local line step steps tenth last=0 told=$SECONDS
  while IFS= read -r line; do
    [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]] || continue
    step=${BASH_REMATCH[1]} steps=${BASH_REMATCH[2]}
    tenth=$((10 * step / steps))
    if [ -t 2 ]; then
      printf '\rengine: compiled %d of %d steps ' "$step" "$steps" >&2
    elif [ "$tenth" -gt "$last" ] || [ $((SECONDS - told)) -ge 30 ]; then
      say "compiled $step of $steps steps"
      last=$tenth told=$SECONDS
    fi
  done
  if [ -t 2 ]; then echo >&2; fi
}
say "compiling; about 7 minutes on two cores, about 20 for the portable flavour"
began=$SECONDS
# Compilers share the machine kindly: a build is often the first thing that runs beside other work.
nice ninja -C "$tree/build" llama-server llama-quantize | tee "$tree/compile.log" | progress ||
  { grep -A 20 '^FAILED' "$tree/compile.log" >&2; say "the compilation failed; all of it is in $tree/compile.log"; exit 1; }
say "compiled in $((SECONDS - began)) s"

# Whole or not at all: put together beside its place, then moved there.
staging=$(mktemp -d "$cache/engine/.$flavour.XXXXXX")
trap 'rm -rf "$staging"' EXIT
mkdir -p "$staging/bin"
cp -P "$tree/build/bin/llama-server" "$tree/build/bin/llama-quantize" "$staging/bin/"
if [ "$flavour" = portable ]; then cp -P "$tree"/build/bin/lib*.so* "$staging/bin/"; fi
find "$staging/bin" -type f -exec strip --strip-unneeded {} +
node "$here/engine-licenses.js" "$source" "$staging/licenses"
# What scripts/sbom.ts cannot learn from the pin and the patches.
printf '{ "key": "%s", "flavour": "%s", "architecture": "%s", "compiler": "%s", "options": "%s" }\n' \
  "$key" "$flavour" "$(uname -m)" "$(c++ --version | head -1)" "${common_options[*]} ${flavour_options[*]}" >"$staging/build.json"
"$staging/bin/llama-server" --version >/dev/null 2>&1 || { say "the program that was built does not start"; exit 1; }
chmod 755 "$staging"
rm -rf "$result"
mv "$staging" "$result"
rm -rf "$tree"
echo "$result/bin/llama-server"
