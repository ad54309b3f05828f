"""Hides from the app in the benchmark what only developers install, and `make run` does not.

Python loads this by itself when this folder is on its path. structlog takes `rich` when it is there: 6 MB a worker,
which import-linter brings.
"""

import sys

sys.modules["rich"] = None  # type: ignore[assignment]  # importing it fails, as where it is not installed
