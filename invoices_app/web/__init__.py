"""The HTTP edge: what stands between the web and the features. `init_web` binds it to an app."""

from __future__ import annotations

import re

from flask import Flask
from jinja2.ext import Extension

from invoices_app.config import Settings

_INDENTATION = re.compile(r"\n\s+")
_BLOCK = "tr|td|th|thead|tbody|table|div|form|ul|li|dl|nav|html|head|header|body|main|p"
_OPENING = rf"<(?:{_BLOCK})(?: [^<>{{}}]*)?>|<(?:meta|link)[^<>]*>"
_CLOSING = "</(?:td|th|tr|script|title)>"
_EDGE = re.compile(rf"(?<=>)\n(?=</(?:{_BLOCK})>)|({_OPENING}|{_CLOSING})\n(?=<)")


class Flush(Extension):
    """HTML goes out without the indentation of its templates, and no line breaks at the edges of blocks.

    Browsers show neither, and they are a tenth of a page.
    """

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        del filename
        if not (name or "").endswith(".html"):
            return source
        return _EDGE.sub(lambda found: found[1] or "", _INDENTATION.sub("\n", source))


def init_web(app: Flask, settings: Settings) -> None:
    """Forms' tokens, headers, error answers, template helpers and limits."""
    from invoices_app.extensions import compress, csrf  # noqa: PLC0415
    from invoices_app.web import access, assets, errors, filters, htmx, rate_limits, remembered, security, uploads  # noqa: PLC0415

    app.config.update(WTF_CSRF_TIME_LIMIT=None, MAX_CONTENT_LENGTH=2 * 1024 * 1024, MAX_FORM_PARTS=10_000)
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.add_extension(Flush)
    app.config.update(
        COMPRESS_ALGORITHM=["br", "gzip"], COMPRESS_BR_LEVEL=5, COMPRESS_LEVEL=9, COMPRESS_MIMETYPES=["text/html"]
    )
    compress.init_app(app)
    security.init_security(app, settings)  # first: it gives every request its id, refused ones too
    access.init_access(app)  # before the forms' tokens: a lost session is told as such
    uploads.init_uploads(app)
    csrf.init_app(app)
    rate_limits.init_rate_limits(app, settings)
    assets.init_assets(app)
    filters.init_filters(app)
    htmx.init_htmx(app)
    remembered.init_remembered(app, settings)
    errors.init_errors(app)
