"""Files that are written while they are sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import structlog
from flask import Response, stream_with_context

from invoices_app.db.tenancy import current_scope, set_scope
from invoices_app.extensions import db

log = structlog.get_logger(__name__)


def attachment(
    name: str, mimetype: str, parts: Iterator[bytes], figures: Callable[[], dict[str, Any]] = dict
) -> Response:
    """An answer that the browser keeps as a file; `figures` are what the log says of it in the end.

    A server may end an answer as if it were whole when its parts fail: the file itself has to show that it is not.
    """
    scope = current_scope(db.session)

    def sent() -> Iterator[bytes]:
        whole = False
        # The answer is written after the request has ended, and its session with it: another one, the same tenant.
        set_scope(db.session, scope)
        try:
            yield from parts
            whole = True
        except Exception:
            log.exception("export failed", file=name, **figures())
            raise
        finally:
            # Also when the browser has gone away in the middle.
            db.session.rollback()
            log.info("export", file=name, **figures(), whole=whole)

    response = Response(stream_with_context(sent()), mimetype=mimetype)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
