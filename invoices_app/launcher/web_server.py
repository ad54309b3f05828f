"""Starting, watching and stopping the web server."""

from __future__ import annotations

import http.client
import socket

from invoices_app.config import Settings
from invoices_app.db.data_dir import StartupError
from invoices_app.db.processes import wait_until
from invoices_app.launcher.child import Child

READY_SECONDS = 60.0
PORT_SECONDS = 3.0
"""A web server whose launcher was killed needs a moment to let go of its port."""


class WebServer(Child):
    """Granian, which lets its workers answer their last requests when it is asked to end."""

    name = "The web server"
    module = "invoices_app.launcher.web_process"

    def __init__(self, settings: Settings, environ: dict[str, str]) -> None:
        super().__init__(environ)
        self.address = settings.local_address
        self._place = (settings.local_host, settings.port)

    def wait_ready(self) -> None:
        """Wait until the app answers that it is ready; raises StartupError with its last answer when it does not."""
        if wait_until(lambda: self._readiness().startswith("200 ") or not self.is_alive(), READY_SECONDS):
            if self.is_alive():
                return
            raise StartupError("The web server ended while it started; its messages are above")
        raise StartupError(f"The app is not ready after {READY_SECONDS:.0f} seconds: {self._readiness()}")

    def _readiness(self) -> str:
        connection = http.client.HTTPConnection(*self._place, timeout=5)
        try:
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            return f"{answer.status} {answer.read(200).decode(errors='replace').strip()}"
        except (OSError, http.client.HTTPException) as error:
            return str(error)
        finally:
            connection.close()


def check_port_free(host: str, port: int, name: str = "PORT") -> None:
    """Raise StartupError when `host` and `port`, which the variable `name` sets, cannot be listened on."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError:
        raise StartupError(f"HOST {host} is not an address of this machine") from None
    reason = ""

    def is_free() -> bool:
        nonlocal reason
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
            except OSError as error:
                reason = error.strerror or str(error)
                return False
            return True

    if not wait_until(is_free, PORT_SECONDS):
        raise StartupError(
            f"Port {port} on {host} cannot be used ({reason}); choose another, for example {name}={port % 65535 + 1}"
        )
