"""The import worker's own process. Run as `python -m invoices_app.launcher.import_process`.

It holds no more of the app than imports need. After an import, when nothing else waits, it begins anew: so all that a
large file has taken goes back to the machine.
"""

from __future__ import annotations

import importlib
import os
import sys

from invoices_app.config import Settings, SettingsError
from invoices_app.observability.logging import configure_logging


def main() -> None:
    """Import what waits until there is nothing left of it, and begin anew."""
    try:
        settings = Settings.from_env(os.environ)
    except SettingsError as problem:
        sys.exit(str(problem))
    configure_logging(settings)
    importlib.import_module("invoices_app.imports.jobs").work_until_spent(settings)
    os.execv(sys.executable, [sys.executable, "-m", "invoices_app.launcher.import_process"])  # noqa: S606


if __name__ == "__main__":
    main()
