#!/usr/bin/env bash
# Measures GET requests for a 64 KiB module by its path in a store of 10,000 modules, and nginx with the same file on disk for
# comparison: requests per second, latency and memory of both. Needs wrk, nginx and Python 3.
#
#   benches/get.sh [SECONDS]
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-30}
for program in wrk nginx python3; do
    command -v "$program" >/dev/null || { echo "$program is needed" >&2; exit 1; }
done
cargo build --release --quiet
wasmstore=$PWD/${CARGO_TARGET_DIR:-target}/release/wasmstore
work=$(mktemp -d)
chmod 755 "$work" # the workers of an nginx started by root run as another user
server= nginx=
stop() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    [ -z "$nginx" ] || kill "$nginx" 2>/dev/null || true
    wait
    rm -rf "$work"
}
trap stop EXIT

# 100 directories of 100 modules. Each module is one custom section of random bytes.
python3 - "$work/modules" <<'PYTHON'
import os, random, sys

def leb(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out) + bytes([n])

def module(size):
    content = b"\x01x" + random.Random(size).randbytes(size - 14)
    return (b"\0asm\1\0\0\0" + b"\0" + leb(len(content)) + content)

root = sys.argv[1]
for directory in range(100):
    os.makedirs(f"{root}/d{directory:02}")
    for file in range(100):
        with open(f"{root}/d{directory:02}/m{file:02}.wasm", "wb") as out:
            out.write(module(65536 if (directory, file) == (50, 50) else 200 + directory * 100 + file))
PYTHON
"$wasmstore" --quiet --root "$work/store" import "$work/modules" >/dev/null
"$wasmstore" --root "$work/store" --quiet server --port 0 2>"$work/log" &
server=$!
for _ in $(seq 100); do
    port=$(ss -Hltnp | sed -n "s/.*127.0.0.1:\([0-9]*\) .*pid=$server,.*/\1/p")
    [ -n "$port" ] && break
    sleep 0.1
done
nginx_port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >"$work/nginx.conf" <<NGINX
daemon off;
pid $work/nginx.pid;
error_log $work/nginx.log;
worker_processes auto;
events { worker_connections 1024; }
http {
    access_log off;
    sendfile on;
    tcp_nopush on;
    types { application/wasm wasm; }
    client_body_temp_path $work/body; proxy_temp_path $work/proxy; fastcgi_temp_path $work/fastcgi;
    uwsgi_temp_path $work/uwsgi; scgi_temp_path $work/scgi;
    server { listen 127.0.0.1:$nginx_port; root $work/modules; }
}
NGINX
nginx -c "$work/nginx.conf" &
nginx=$!
sleep 1

# Prints the CPU time of process PID and its children, in clock ticks.
cpu_ticks() { # PID
    cat "/proc/$1/stat" $(sed 's#\([0-9]\+\)#/proc/\1/stat#g' "/proc/$1/task/$1/children") |
        sed 's/.*) //' | awk '{ ticks += $12 + $13 } END { print ticks }'
}
# Runs wrk on URL, and prints its results and the CPU time of process PID per request.
measure() { # NAME PID URL
    local before after output
    before=$(cpu_ticks "$2")
    output=$(wrk -t2 -c64 -d"${seconds}s" --latency "$3")
    after=$(cpu_ticks "$2")
    echo "== $1"
    grep -E "50%|99%|Requests/sec|Non-2xx|Socket errors" <<<"$output" || true
    awk -v ticks=$((after - before)) -v hz="$(getconf CLK_TCK)" \
        '/requests in/ { printf "CPU time per request: %.1f us\n", ticks / hz / $1 * 1e6 }' <<<"$output"
}
measure "nginx" "$nginx" "http://127.0.0.1:$nginx_port/d50/m50.wasm"
measure "wasmstore" "$server" "http://127.0.0.1:$port/api/v1/module/d50/m50.wasm"
sed -n 's/^Vm\(RSS\|HWM\):/wasmstore \1/p' "/proc/$server/status"
