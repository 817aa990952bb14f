# Everything from outside is pinned: images by digest, Debian's packages by the day of these images, npm's by the lock file,
# llama.cpp by its tree. docs/operations.md tells how to move the three here, and how to build without them.
ARG NODE_IMAGE=node:22.23.2-bookworm-slim@sha256:48e4b67d85f87bd551df43704e24d252f56cc5f8e9718841aace50f19948f0f9
ARG DEBIAN_IMAGE=debian:bookworm-20260918-slim@sha256:3783cc01769c7b2b1b83a5c5ad96c815348e28ed7da68e2e3687004faa906251
ARG DEBIAN_SNAPSHOT=20260918T000000Z

# The engine, for any CPU of this architecture. Depends on nothing of the gateway, so it is built once.
FROM ${NODE_IMAGE} AS engine
ARG DEBIAN_SNAPSHOT
COPY deploy/install-debian.sh /usr/local/bin/
RUN install-debian.sh ca-certificates ccache cmake g++ git ninja-build openssl
WORKDIR /build
COPY vendor/llama.cpp vendor/llama.cpp
COPY scripts/build-engine.sh scripts/engine-source.sh scripts/engine-licenses.js scripts/install-packages.sh scripts/
RUN --mount=type=cache,target=/root/.cache/ccache \
    built=$(LLAMA_VISION_CACHE=/tmp/cache scripts/build-engine.sh portable) \
 && cp -a "$(dirname "$(dirname "$built")")" /opt/llama.cpp \
 && rm -rf /tmp/cache

# What starts the engine without a network.
FROM engine AS confine
COPY scripts/build-confine.sh scripts/
COPY src/engine/confine.cpp src/engine/
RUN scripts/build-confine.sh /opt/confine

FROM ${NODE_IMAGE} AS gateway
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci --no-audit --no-fund --loglevel=error
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN node_modules/.bin/tsc -p tsconfig.build.json
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev --no-audit --no-fund --loglevel=error

# What the image is made of: two lists and a file that says where it comes from.
FROM gateway AS records
COPY vendor/llama.cpp vendor/llama.cpp
COPY scripts/sbom scripts/sbom
COPY --from=engine /opt/llama.cpp/build.json engine/
ARG COMMIT SOURCE_DATE_EPOCH NODE_IMAGE DEBIAN_IMAGE DEBIAN_SNAPSHOT
RUN mkdir records \
 && node scripts/sbom/sbom.ts gateway >records/gateway.cdx.json \
 && node scripts/sbom/sbom.ts engine engine >records/engine.cdx.json \
 && node scripts/sbom/provenance.ts engine >records/provenance.json

FROM ${DEBIAN_IMAGE}
ARG DEBIAN_SNAPSHOT
LABEL org.opencontainers.image.title="llama-vision" \
      org.opencontainers.image.description="Vision models on an ordinary CPU, behind a small REST API" \
      org.opencontainers.image.licenses="MIT"
RUN --mount=type=bind,source=deploy/install-debian.sh,target=/install-debian.sh \
    /install-debian.sh libgomp1 libstdc++6 \
 && useradd --uid 1000 --user-group --no-create-home --home-dir /nonexistent llama-vision \
 && mkdir /models
# Node alone, without npm and its like: nothing is installed in a running container.
COPY --from=gateway /usr/local/bin/node /usr/local/bin/node
COPY --from=engine /opt/llama.cpp /opt/llama.cpp
WORKDIR /app
COPY --from=gateway /app/node_modules node_modules
COPY --from=gateway /app/dist dist
COPY --from=confine /opt/confine dist/engine/confine
COPY src/page src/page
COPY package.json LICENSE ./
COPY models/demo models/demo
COPY deploy/licenses licenses
COPY --from=gateway /usr/local/LICENSE licenses/node.txt
COPY --from=records /app/records ./
# Inside a container every address is reached through a port that its owner published, so no key is asked for unless
# API_KEYS is set: `docker run -p 5000:5000` answers at once.
# Memory of pictures goes back when they are done: glibc keeps ever larger pieces unless it is told not to, 70 to 100 MiB.
ENV ENGINE_PATH=/opt/llama.cpp/bin/llama-server \
    MALLOC_MMAP_THRESHOLD_=131072 \
    HOST=0.0.0.0 \
    ALLOW_OPEN=1 \
    NODE_ENV=production
ARG COMMIT
LABEL org.opencontainers.image.revision=$COMMIT
USER 1000:1000
EXPOSE 5000
STOPSIGNAL SIGTERM
# Large models take minutes to load: until then the container is starting, not unhealthy. It is asked often only then:
# each time costs about a quarter of a CPU second, which is the model's otherwise.
HEALTHCHECK --start-period=10m --start-interval=3s --interval=30s --timeout=10s --retries=3 \
  CMD ["node", "--disable-sigusr1", "dist/main.js", "probe"]
CMD ["node", "--disable-sigusr1", "dist/main.js", "serve"]
