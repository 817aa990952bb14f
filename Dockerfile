# The engine, for any CPU of this architecture. Depends on nothing of the gateway, so it is built once.
FROM node:22-bookworm-slim AS engine
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends \
      ca-certificates ccache cmake g++ git ninja-build openssl >/dev/null \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY vendor/llama.cpp vendor/llama.cpp
COPY scripts/build-engine.sh scripts/engine-source.sh scripts/install-packages.sh scripts/
RUN --mount=type=cache,target=/root/.cache/ccache \
    built=$(LLAMA_VISION_CACHE=/tmp/cache scripts/build-engine.sh portable) \
 && cp -a "$(dirname "$(dirname "$built")")" /opt/llama.cpp \
 && rm -rf /tmp/cache

FROM node:22-bookworm-slim AS gateway
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci --no-audit --no-fund --loglevel=error
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN node_modules/.bin/tsc -p tsconfig.build.json
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev --no-audit --no-fund --loglevel=error

FROM debian:bookworm-slim
LABEL org.opencontainers.image.title="llama-vision" \
      org.opencontainers.image.description="Vision models on an ordinary CPU, behind a small REST API" \
      org.opencontainers.image.licenses="MIT"
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends libgomp1 libstdc++6 >/dev/null \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 1000 --user-group --no-create-home --home-dir /nonexistent llama-vision \
 && mkdir /models
# Node alone, without npm and its like: nothing is installed in a running container.
COPY --from=gateway /usr/local/bin/node /usr/local/bin/node
COPY --from=engine /opt/llama.cpp /opt/llama.cpp
WORKDIR /app
COPY --from=gateway /app/node_modules node_modules
COPY --from=gateway /app/dist dist
COPY src/page src/page
COPY package.json LICENSE ./
COPY models/demo models/demo
# Inside a container every address is reached through a port that its owner published, so no key is asked for unless
# API_KEYS is set: `docker run -p 5000:5000` answers at once.
ENV ENGINE_PATH=/opt/llama.cpp/bin/llama-server \
    HOST=0.0.0.0 \
    ALLOW_OPEN=1 \
    NODE_ENV=production
USER 1000:1000
EXPOSE 5000
STOPSIGNAL SIGTERM
# Large models take minutes to load: until then the container is starting, not unhealthy. It is asked often only then:
# each time costs about a quarter of a CPU second, which is the model's otherwise.
HEALTHCHECK --start-period=10m --start-interval=3s --interval=30s --timeout=10s --retries=3 \
  CMD ["node", "dist/main.js", "probe"]
CMD ["node", "dist/main.js", "serve"]
