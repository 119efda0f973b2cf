# syntax=docker/dockerfile:1
FROM rust:1.95-slim-bookworm AS build
WORKDIR /build
COPY Cargo.toml Cargo.lock ./
COPY src ./src
# The benches are declared in Cargo.toml, and cargo wants every declared target to be there.
COPY benches ./benches
RUN cargo build --release --locked

FROM debian:bookworm-slim
# git serves clones and packs with deltas; without it all else works, and takes more room. It reaches mirrors, and the primary of a
# replica, by ssh and with the certificates of public authorities. curl asks after the server's health.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates curl git openssh-client \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --create-home --home-dir /home/wasmstore --uid 1000 wasmstore \
 && install --directory --owner=wasmstore --group=wasmstore /home/wasmstore/db
COPY --from=build /build/target/release/wasmstore /usr/local/bin/wasmstore
USER wasmstore
WORKDIR /home/wasmstore
ENV WASMSTORE_ROOT=/home/wasmstore/db WASMSTORE_HOST=0.0.0.0 WASMSTORE_PORT=6384
VOLUME /home/wasmstore/db
EXPOSE 6384
# HOST and PORT are what older images knew. The certificate is for the server's name, not for this address.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s \
    CMD at="${HOST:-${WASMSTORE_HOST:-127.0.0.1}}:${PORT:-${WASMSTORE_PORT:-6384}}"; \
        curl -fsS "http://$at/healthz" || curl -fsSk "https://$at/healthz"
# exec: the server itself gets the signal to stop.
CMD ["sh", "-c", "export WASMSTORE_HOST=\"${HOST:-$WASMSTORE_HOST}\" WASMSTORE_PORT=\"${PORT:-$WASMSTORE_PORT}\"; exec wasmstore server"]
