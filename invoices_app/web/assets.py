"""Static files: from memory, compressed, and immutable under an address that changes with their content.

Our scripts go out without the lines that are comments, which are an eighth of them; empty lines stay in their place, so
that the line numbers in a report of an error are those of the file.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from flask import Flask, Response, abort, request, url_for
from werkzeug.security import safe_join

STATIC_FOLDER = Path(__file__).resolve().parent.parent.parent / "static"
FINGERPRINT_LENGTH = 8
_COMMENT = re.compile(rb"^ *//.*$", re.MULTILINE)
IMMUTABLE = "public, max-age=31536000, immutable"
REVALIDATE = "no-cache"
COMPRESSIBLE = frozenset({"text/css", "text/javascript", "text/plain", "image/svg+xml"})


@dataclass(frozen=True, slots=True)
class Asset:
    """A static file as it is sent; `zipped` is None where compression does not pay."""

    body: bytes
    zipped: bytes | None
    mimetype: str
    fingerprint: str


def read_asset(name: str) -> Asset | None:
    """The file `name` below the static folder, or None. Read again only when it has changed."""
    path = safe_join(str(STATIC_FOLDER), name)
    if path is None:
        return None
    try:
        modified = Path(path).stat().st_mtime_ns
        return _read(path, modified)
    except OSError:
        return None


def asset(name: str) -> str:
    """The address of static file `name` with its fingerprint, below the app's own prefix.

    Raises FileNotFoundError when there is no such file, so that a wrong name fails in the first test.
    """
    found = read_asset(name)
    if found is None:
        raise FileNotFoundError(f"static/{name} does not exist")
    return url_for("static", filename=name, v=found.fingerprint)


def serve(filename: str) -> Response:
    """Answer a static file; for a year when the address carries its fingerprint, else to be revalidated."""
    found = read_asset(filename)
    if found is None:
        abort(404)
    response = Response(found.body, mimetype=found.mimetype)
    current = request.args.get("v") == found.fingerprint
    response.headers["Cache-Control"] = IMMUTABLE if current else REVALIDATE
    if found.zipped is not None:
        response.vary.add("Accept-Encoding")
        if request.accept_encodings.quality("gzip") > 0:
            response.set_data(found.zipped)
            response.headers["Content-Encoding"] = "gzip"
    response.set_etag(found.fingerprint, weak=True)
    response.make_conditional(request)
    return response


def init_assets(app: Flask) -> None:
    """Serve /static/ and give templates `asset('css/app.css')`."""
    app.add_url_rule("/static/<path:filename>", endpoint="static", view_func=serve)
    app.add_template_global(asset, "asset")


@lru_cache(maxsize=128)
def _read(path: str, _modified: int) -> Asset:
    body = Path(path).read_bytes()
    if Path(path).parent == STATIC_FOLDER / "js":
        body = _COMMENT.sub(b"", body)
    mimetype = mimetypes.guess_type(path)[0] or "text/plain"
    if mimetype == "application/javascript":
        mimetype = "text/javascript"
    zipped = gzip.compress(body, 9, mtime=0) if mimetype in COMPRESSIBLE else None
    fingerprint = hashlib.sha256(body).hexdigest()[:FINGERPRINT_LENGTH]
    return Asset(body, zipped, mimetype, fingerprint)
