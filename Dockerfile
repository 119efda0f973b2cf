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
ENV WASMSTORE_ROOT=/home/wasmstore/db HOST=0.0.0.0 PORT=6384
VOLUME /home/wasmstore/db
EXPOSE 6384
# The certificate is for the server's name, not for this address.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s \
    CMD curl -fsS "http://$HOST:$PORT/healthz" || curl -fsSk "https://$HOST:$PORT/healthz"
# exec: the server itself gets the signal to stop.
CMD ["sh", "-c", "exec wasmstore server --host \"$HOST\" --port \"$PORT\""]
