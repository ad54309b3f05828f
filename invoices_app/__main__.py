"""`python -m invoices_app run` starts the whole program; `python -m invoices_app flask ...` runs one command."""

from __future__ import annotations

import argparse
import os
import sys

from invoices_app.config import SettingsError
from invoices_app.db.data_dir import StartupError
from invoices_app.launcher import commands
from invoices_app.launcher.environment import read_seed
from invoices_app.launcher.supervisor import StopRequested, stop_on_signals


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0 after a wished end, 1 with one sentence on stderr when something is in the way."""
    parser = argparse.ArgumentParser(prog="python -m invoices_app", description=__doc__)
    subparsers = parser.add_subparsers(dest="command", required=True)
    run = subparsers.add_parser("run", help="start database and web server, and keep them up")
    run.add_argument("--seed", action="store_true", help="first make the demo business (also with SEED=1)")
    flask = subparsers.add_parser("flask", help="run a flask command on the same database")
    flask.add_argument("arguments", nargs=argparse.REMAINDER)
    chosen = parser.parse_args(arguments)
    stop_on_signals()
    try:
        if chosen.command == "flask":
            return commands.flask(chosen.arguments)
        commands.run(seed=chosen.seed or read_seed(os.environ))
    except StopRequested:
        return 0
    except (SettingsError, StartupError) as problem:
        print(problem, file=sys.stderr)
    except OSError as problem:
        print(f"Invoices cannot start: {problem}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
