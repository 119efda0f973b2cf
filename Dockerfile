# syntax=docker/dockerfile:1
FROM rust:1.95-slim-bookworm AS build
WORKDIR /build
COPY Cargo.toml Cargo.lock ./
COPY src ./src
# The benches are declared in Cargo.toml, and cargo wants every declared target to be there.
COPY benches ./benches
RUN cargo build --release --locked

FROM debian:bookworm-slim
# git packs with deltas; without it the store works, and takes more room.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends git \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --create-home --home-dir /home/wasmstore --uid 1000 wasmstore \
 && install --directory --owner=wasmstore --group=wasmstore /home/wasmstore/db
COPY --from=build /build/target/release/wasmstore /usr/local/bin/wasmstore
USER wasmstore
WORKDIR /home/wasmstore
ENV WASMSTORE_ROOT=/home/wasmstore/db
VOLUME /home/wasmstore/db
ENTRYPOINT ["wasmstore"]
CMD ["--help"]
