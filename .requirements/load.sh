#!/bin/sh
# Makes sure that `make bench` finds wrk, which loads a server: Debian's package, installed when it is missing.
set -eu

command -v wrk >/dev/null || exec .requirements/packages.sh "wrk, which make bench loads the servers with," wrk
