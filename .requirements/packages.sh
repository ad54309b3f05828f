#!/bin/sh
# Usage: packages.sh PURPOSE PACKAGE...
# Installs Debian's packages, as root or through sudo; where that cannot be done it says what to install, and fails.
set -eu

purpose=$1
shift

install() {
    $as_root apt-get update -q && $as_root apt-get install -q -y --no-install-recommends "$@"
}

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    as_root=env
elif sudo -n true 2>/dev/null && command -v apt-get >/dev/null; then
    as_root="sudo -n"
else
    echo "$purpose missing; as root, on Debian: apt-get install $*" >&2
    exit 1
fi
echo "Installing $* ..." >&2
DEBIAN_FRONTEND=noninteractive install "$@" >&2 || {
    echo "$purpose could not be installed; try: apt-get install $*" >&2
    exit 1
}
