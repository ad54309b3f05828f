"""A line on which a page arrives in pieces, with time to paint between them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.support import plain_http

PAUSE_SECONDS = 0.3


@contextmanager
def slow_line(origin: str, after: bytes, pieces: int) -> Iterator[str]:
    """Pass on what `origin` answers to GET; HTML rests at each of the first `pieces` places where `after` stands."""

    class Line(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers = {name: self.headers[name] for name in ("Cookie", "HX-Request") if name in self.headers}
            answer = plain_http.get(origin + self.path, headers=headers)
            self.send_response(HTTPStatus(answer.status_code))
            self.send_header("Content-Type", answer.headers["Content-Type"])
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            if not answer.headers["Content-Type"].startswith("text/html"):
                self.wfile.write(answer.content)
                return
            first, *others = answer.content.split(after, pieces)
            self.wfile.write(first)
            for piece in others:
                time.sleep(PAUSE_SECONDS)
                self.wfile.write(after + piece)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Line)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
