#!/bin/sh
# Makes sure that the tests find nginx and openssl: Debian's packages, installed when they are missing.
set -eu

PATH=$PATH:/usr/sbin
missing=
command -v nginx >/dev/null || missing="nginx-light"
command -v openssl >/dev/null || missing="$missing openssl"
# shellcheck disable=SC2086
[ -z "$missing" ] || exec .requirements/packages.sh "nginx and openssl, which the tests need," $missing
