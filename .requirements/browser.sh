#!/bin/sh
# Makes sure that the tests find Chromium and pdftoppm: Debian's packages, installed when they are missing.
set -eu

missing=
{ command -v chromium-headless-shell || command -v chromium || command -v chromium-browser ||
    command -v google-chrome; } >/dev/null || missing="chromium-headless-shell fonts-liberation fonts-dejavu-core"
command -v pdftoppm >/dev/null || missing="$missing poppler-utils"
# shellcheck disable=SC2086
[ -z "$missing" ] || exec .requirements/packages.sh "Chromium and pdftoppm, which the tests need," $missing
