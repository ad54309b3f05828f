#!/bin/sh
# Usage: install.sh run|dev
# Makes .venv, or repairs a half-made one, and installs exactly what .requirements/<name>.txt pins. A copy of each
# lock that is fully installed lies in .venv, so that a second call has nothing to do.
set -eu

name=$1
lock=.requirements/$name.txt
python=.venv/bin/python

fail() {
    echo "$1" >&2
    exit 1
}

newest_python() {
    for candidate in python3.13 python3.12 python3.11 python3; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    fail "Invoices needs Python 3.11 or newer; on Debian or Ubuntu: apt-get install python3 python3-venv"
}

cmp -s "$lock" ".venv/$name.txt" && "$python" -c '' 2>/dev/null && exit 0

if ! "$python" -m pip --version >/dev/null 2>&1; then
    system_python=$(newest_python)
    "$system_python" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "$system_python cannot make virtual environments; on Debian or Ubuntu: apt-get install python3-venv"
    echo "Making the virtual environment in .venv with $system_python ..." >&2
    rm -rf .venv
    "$system_python" -m venv .venv
fi

echo "Installing the packages that $lock pins ..." >&2
rm -f .venv/run.txt .venv/dev.txt
"$python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock" ||
    fail "The packages could not be installed; is there a way to the package index?"
cp .requirements/run.txt .venv/run.txt # every lock holds all of this one
cp "$lock" ".venv/$name.txt"
