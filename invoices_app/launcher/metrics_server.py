"""The workers' figures, added up and shown to Prometheus, to programs on this machine only."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import cast

import psutil
from prometheus_client import CollectorRegistry, Metric, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from invoices_app.config import Settings
from invoices_app.db.data_dir import PRIVATE_FOLDER
from invoices_app.launcher.environment import METRICS_HOST, metrics_folder


class MetricsServer:
    """Answers on METRICS_PORT while its block lasts, from a folder that starts empty; a thread of the launcher."""

    def __init__(self, settings: Settings) -> None:
        self._port = settings.metrics_port
        self._folder = metrics_folder(settings)

    def __enter__(self) -> MetricsServer:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(mode=PRIVATE_FOLDER)
        registry = CollectorRegistry()
        registry.register(LiveWorkers(self._folder))
        self._server, self._thread = start_http_server(self._port, METRICS_HOST, registry)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class LiveWorkers(MultiProcessCollector):
    """What killed workers held is forgotten; what they had counted stays counted."""

    def __init__(self, folder: Path) -> None:
        super().__init__(None, str(folder))  # type: ignore[no-untyped-call]
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        for file in self._folder.glob("gauge_live*.db"):
            pid = int(file.stem.rpartition("_")[2])
            if not psutil.pid_exists(pid):
                mark_process_dead(pid, str(self._folder))  # type: ignore[no-untyped-call]
        return cast("Iterable[Metric]", super().collect())  # type: ignore[no-untyped-call]
