# syntax=docker/dockerfile:1
FROM rust:1.95-slim-bookworm AS build
WORKDIR /build
COPY Cargo.toml Cargo.lock build.rs ./
COPY src ./src
# Cargo.toml declares the benches and the example, and cargo needs every declared target.
COPY benches ./benches
COPY examples ./examples
# The commit that `wasmstore --version` shows: docker build --build-arg COMMIT="$(git rev-parse HEAD)"
ARG COMMIT="not recorded"
ENV WASMSTORE_COMMIT=$COMMIT
RUN cargo build --release --locked

FROM debian:bookworm-slim
# git serves clones, packs with deltas, and reaches mirrors and the primary of a replica, over ssh or with public certificates. Without it,
# everything else works but uses more disk space. curl is for the health check.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates curl git openssh-client \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --create-home --home-dir /home/wasmstore --uid 1000 wasmstore \
 && install --directory --owner=wasmstore --group=wasmstore /home/wasmstore/db
COPY --from=build /build/target/release/wasmstore /usr/local/bin/wasmstore
USER wasmstore
WORKDIR /home/wasmstore
# glibc returns freed memory to the system only with a fixed threshold.
ENV MALLOC_MMAP_THRESHOLD_=131072
ENV WASMSTORE_ROOT=/home/wasmstore/db WASMSTORE_HOST=0.0.0.0 WASMSTORE_PORT=6384
VOLUME /home/wasmstore/db
EXPOSE 6384
# HOST and PORT are the variables of older images. The certificate is for the server's name, not for this address.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s \
    CMD at="${HOST:-${WASMSTORE_HOST:-127.0.0.1}}:${PORT:-${WASMSTORE_PORT:-6384}}"; \
        curl -fsS "http://$at/healthz" || curl -fsSk "https://$at/healthz"
# exec, so that the server itself receives the stop signal.
CMD ["sh", "-c", "export WASMSTORE_HOST=\"${HOST:-$WASMSTORE_HOST}\" WASMSTORE_PORT=\"${PORT:-$WASMSTORE_PORT}\"; exec wasmstore server"]
