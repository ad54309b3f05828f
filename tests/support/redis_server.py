"""A Redis server of our own, which forgets everything when it ends."""

from __future__ import annotations

import signal
import subprocess
from typing import Self

import redis

from invoices_app.db.processes import end_with_parent, wait_until
from tests.support.live import free_port


class RedisServer:
    """Debian's redis-server on a free port of this machine; it can be stopped and started again."""

    def __init__(self) -> None:
        self.port = free_port()
        self.uri = f"redis://127.0.0.1:{self.port}"
        self.client = redis.Redis(port=self.port)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()
        self.client.close()

    def start(self) -> None:
        options = {"port": self.port, "bind": "127.0.0.1", "save": "", "appendonly": "no", "loglevel": "warning"}
        self._process = subprocess.Popen(
            ["redis-server", *(word for name, value in options.items() for word in (f"--{name}", str(value)))],
            stdout=subprocess.DEVNULL,
            preexec_fn=end_with_parent(signal.SIGKILL),  # noqa: PLW1509  (it only calls the kernel)
        )
        assert wait_until(self._answers, 10), "Redis does not start"

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.ConnectionError:
            return False
