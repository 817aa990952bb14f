#!/usr/bin/env bash
# Proves the container where Docker with compose is: builds the image, runs it as README says, and looks closely.
# usage: container-check.sh       (PORT, 5000 unless set, must be free)
# NODE_IMAGE, DEBIAN_IMAGE, DEBIAN_SNAPSHOT replace what the Dockerfile is pinned to; DOCKER_BUILD_WORDS are more for docker build.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
export PORT=${PORT:-5000}
image=llama-vision:latest
url=http://127.0.0.1:$PORT
scratch=$(mktemp -d)
COMMIT=$(git rev-parse HEAD)$([ -z "$(git status --porcelain)" ] || echo -dirty)
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export COMMIT SOURCE_DATE_EPOCH
passed=0 failed=0

check() {
  local name=$1
  shift
  if "$@" >"$scratch/out" 2>&1; then
    passed=$((passed + 1))
    echo "ok: $name"
  else
    failed=$((failed + 1))
    echo "not ok: $name"
    sed 's/^/  | /' "$scratch/out"
  fi
}

clean() {
  docker compose down --volumes --remove-orphans --timeout 5
  docker rm --force llama-vision
} >/dev/null 2>&1
trap 'clean; rm -rf "$scratch"' EXIT
clean

wait_for() { # seconds, command...
  local limit=$((SECONDS + $1))
  shift
  until "$@"; do [ $SECONDS -lt $limit ] || return 1; sleep 0.2; done
}
container() { docker compose ps --quiet llama-vision; }
inspect() { docker inspect "$(container)" --format "$1"; }
state_is() { [ "$(inspect "$1")" = "$2" ]; }
stops() { docker stop --time 75 "$1" && is "$(docker inspect "$1" --format '{{.State.ExitCode}}')" 0; }
# Runs a script in the container, with functions that read its files and fail.
inside() {
  docker compose exec -T llama-vision node -e "
    const read = (name) => JSON.parse(fs.readFileSync(name, 'utf8'))
    const fail = (what) => { throw new Error(what) }
    $1"
}
# The CPU variant of the engine that is loaded, as the kernel sees it.
variant() { docker exec "$1" sh -c 'cat /proc/[0-9]*/maps 2>/dev/null' | grep -o 'libggml-cpu-[a-z0-9_.]*\.so' | sort -u; }
is() { [ "$1" = "$2" ] || { echo "$1, expected $2"; false; }; }
health_status() { [ "$(curl -s -o "$scratch/health" -w '%{http_code}' "$url/health")" = "$1" ]; }
infer() {
  base64 -w 0 models/demo/samples/shapes.png >"$scratch/picture"
  printf '{"prompt": "How many shapes are there?", "temperature": 0, "image": "%s"}' "$(cat "$scratch/picture")" |
    curl -sf -X POST "$url/infer" -H 'Content-Type: application/json' -d @- | tee "$scratch/answer" | grep -q '"success":true'
}

arguments=()
for name in COMMIT SOURCE_DATE_EPOCH NODE_IMAGE DEBIAN_IMAGE DEBIAN_SNAPSHOT; do
  if [ -n "${!name+set}" ]; then arguments+=(--build-arg "$name"); fi
done
# shellcheck disable=SC2086 # a list of words
check 'docker build' docker build --quiet "${arguments[@]}" ${DOCKER_BUILD_WORDS:-} --tag "$image" .
echo "size: $(docker image inspect "$image" --format '{{.Size}}' | awk '{printf "%.0f MB", $1 / 1e6}')"

check 'docker compose up' docker compose up --detach --no-build
check 'HEALTHCHECK begins with starting' is "$(inspect '{{.State.Health.Status}}')" starting
check 'GET /health becomes 200' wait_for 120 health_status 200
check 'HEALTHCHECK becomes healthy' wait_for 120 state_is '{{.State.Health.Status}}' healthy
check 'POST /infer answers from outside' infer
echo "answer: $(grep -o '"response_text":"[^"]*"' "$scratch/answer")"
check 'it runs without root' is "$(docker compose exec -T llama-vision id -u)" 1000
check 'the licences are inside' docker compose exec -T llama-vision test -s LICENSE -a -s licenses/node.txt \
  -a -s /opt/llama.cpp/licenses/LICENSE-llama.cpp -a -s /usr/share/common-licenses/LGPL-3
check 'its root is read-only' bash -c '! docker compose exec -T llama-vision touch /app/x'
check 'nothing in /tmp can be run' bash -c '
  ! docker compose exec -T llama-vision sh -c "cp /bin/true /tmp/x && /tmp/x" && docker compose exec -T llama-vision rm /tmp/x'
check 'it has no capabilities' docker compose exec -T llama-vision grep -q '^CapEff:.0*$' /proc/self/status
check 'it cannot get any' docker compose exec -T llama-vision grep -q '^NoNewPrivs:.1$' /proc/self/status
check 'memory and processes are bounded' is "$(inspect '{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}}')" "$((12 * 1024 ** 3)) 512"
check 'the lists of its parts are whole' inside "
  const { components } = read('gateway.cdx.json')
  const listed = new Set(components.map(({ name, version }) => name + '@' + version))
  const installed = Object.entries(read('node_modules/.package-lock.json').packages)
    .map(([path, { version }]) => path.split('node_modules/').at(-1) + '@' + version)
  for (const name of ['node@' + process.versions.node, ...installed]) if (!listed.has(name)) fail(name)
  if (listed.size !== new Set(installed).size + 1) fail(listed.size)
  const [engine] = read('engine.cdx.json').components
  if (!engine.properties.some(({ value }) => value === '$(sed -n 's/^TREE=//p' vendor/llama.cpp/PIN)')) fail('tree')
  if (engine.components.length < 10) fail('parts')"
check 'the provenance file tells the commit and the engine' inside "
  const { commit, sourceDate, engine, node } = read('provenance.json')
  if (commit !== '$COMMIT' || !sourceDate || !engine.key || node !== process.version) fail(commit)"
check 'its engine has no network' bash -c 'docker compose exec -T llama-vision node dist/main.js doctor | grep "^ok .*the engine has no network"'
echo "engine: $(docker compose exec -T llama-vision /opt/llama.cpp/bin/llama-server --version 2>&1 | grep version)"
check 'one CPU variant is loaded' is "$(variant "$(container)" | wc -l)" 1
echo "variant: $(variant "$(container)")"
check 'docker stop ends it with 0' stops "$(container)"
docker compose down >/dev/null 2>&1

check 'a missing model: compose up' env MODEL_NAME=missing.gguf docker compose up --detach --no-build
check 'a missing model: 503 with the reason' wait_for 30 bash -c "curl -s $url/health | grep -q '/models/missing.gguf not found'"
check 'a missing model: the container stays up' state_is '{{.State.Status}} {{.RestartCount}}' 'running 0'
docker compose down >/dev/null 2>&1

check 'docker run as README says' docker run -d -p "$PORT:5000" -v "$(pwd)/models/demo:/models" -e MODEL_NAME=demo-text-q4_k_m.gguf --name llama-vision "$image"
check 'a mounted model becomes healthy' wait_for 120 health_status 200
check 'a mounted model answers' infer
check 'docker stop ends it with 0' stops llama-vision
docker rm llama-vision >/dev/null 2>&1

# A store as Ollama has it, whose one model is the demo one.
digest=$(sha256sum models/demo/demo-q4_k_m.gguf | cut -d' ' -f1)
manifests=$scratch/ollama/models/manifests/registry.ollama.ai/library/llama3.2-vision
mkdir -p "$manifests" "$scratch/ollama/models/blobs"
cp models/demo/demo-q4_k_m.gguf "$scratch/ollama/models/blobs/sha256-$digest"
printf '{"layers":[{"mediaType":"application/vnd.ollama.image.model","digest":"sha256:%s","size":%s}]}' \
  "$digest" "$(stat -c %s models/demo/demo-q4_k_m.gguf)" >"$manifests/11b"
chmod -R a+rX "$scratch"
check "Ollama's model as README says" docker run -d -p "$PORT:5000" -v "$scratch/ollama:/ollama:ro" -e MODEL_NAME=ollama:llama3.2-vision:11b --name llama-vision "$image"
check "Ollama's model becomes healthy" wait_for 120 health_status 200
check "Ollama's model answers" infer
docker rm --force llama-vision >/dev/null 2>&1

check 'a memory limit that is too small is told' bash -c "
  docker run -d --memory 200m -p $PORT:5000 -e MODEL_NAME=demo -e PROMPT_CACHE_MIB=512 --name llama-vision $image &&
  for _ in \$(seq 100); do curl -s $url/health | grep 'memory limit leaves' && exit 0; sleep 0.2; done; exit 1"
docker rm --force llama-vision >/dev/null 2>&1

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
