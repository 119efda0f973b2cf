#!/usr/bin/env bash
# Installs the programs that the benches measure for comparison. Needs Debian and root. None of them runs as a service afterwards.
#
#   benches/peers.sh
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
# Debian starts a service when its package is installed, unless this script returns 101 (invoke-rc.d(8)).
if [ ! -e /usr/sbin/policy-rc.d ]; then
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod 755 /usr/sbin/policy-rc.d
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
fi
apt-get update
apt-get install -y --no-install-recommends docker-registry fcgiwrap nginx wrk
docker-registry --version
nginx -v
