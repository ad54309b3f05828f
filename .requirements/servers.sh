#!/bin/sh
# Makes sure that the tests find nginx, openssl and Redis: Debian's packages, installed when they are missing.
set -eu

PATH=$PATH:/usr/sbin
missing=
command -v nginx >/dev/null || missing="nginx-light"
command -v openssl >/dev/null || missing="$missing openssl"
command -v redis-server >/dev/null || missing="$missing redis-server"
# shellcheck disable=SC2086
[ -z "$missing" ] || exec .requirements/packages.sh "nginx, openssl and redis-server, which the tests need," $missing
