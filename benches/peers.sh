#!/usr/bin/env bash
# Installs the programs that the benches are measured beside, on Debian, as root. None is left running as a service.
#
#   benches/peers.sh
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
# Debian starts services as they are installed; this keeps it from doing so (invoke-rc.d(8)).
if [ ! -e /usr/sbin/policy-rc.d ]; then
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod 755 /usr/sbin/policy-rc.d
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
fi
apt-get update
apt-get install -y --no-install-recommends docker-registry fcgiwrap nginx wrk
docker-registry --version
nginx -v
