#!/bin/sh
# Makes sure that the tests find Chromium and pdftoppm: Debian's packages, installed when they are missing.
set -eu

missing=
{ command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null ||
    missing="chromium fonts-liberation fonts-dejavu-core"
command -v pdftoppm >/dev/null || missing="$missing poppler-utils"
[ -n "$missing" ] || exit 0

install() {
    # shellcheck disable=SC2086
    $1 apt-get update -q && $1 apt-get install -q -y --no-install-recommends $missing
}

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    as_root=env
elif sudo -n true 2>/dev/null && command -v apt-get >/dev/null; then
    as_root="sudo -n"
else
    echo "The tests need Chromium and pdftoppm; as root, on Debian: apt-get install $missing" >&2
    exit 1
fi
echo "Installing what the browser tests need: $missing ..." >&2
DEBIAN_FRONTEND=noninteractive install "$as_root" >&2 || {
    echo "The browser for the tests could not be installed; try: apt-get install $missing" >&2
    exit 1
}
