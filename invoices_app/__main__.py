"""`python -m invoices_app run` starts the whole program, `worker` imports beside it, `flask ...` runs one command."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from invoices_app.config import SettingsError
from invoices_app.db.data_dir import StartupError
from invoices_app.launcher import backup, commands
from invoices_app.launcher.environment import read_seed
from invoices_app.launcher.supervisor import StopRequested, stop_on_signals

FILE_COMMANDS: dict[str, tuple[Callable[[Path], str], str]] = {
    "backup": (backup.back_up, "write the whole database into one file, while it is in use"),
    "restore": (backup.restore, "bring a backup back, into an empty database"),
}
"""What is done with a file, also as `flask backup FILE`: the function, which answers a sentence, and its help."""


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0 after a wished end, 1 with one sentence on stderr when something is in the way."""
    parser = argparse.ArgumentParser(prog="python -m invoices_app", description=__doc__)
    subparsers = parser.add_subparsers(dest="command", required=True)
    run = subparsers.add_parser("run", help="start database and web server, and keep them up")
    run.add_argument("--seed", action="store_true", help="first make the demo business (also with SEED=1)")
    subparsers.add_parser("worker", help="import what waits, in one more process beside `run`")
    flask = subparsers.add_parser("flask", help="run a flask command on the same database")
    flask.add_argument("arguments", nargs=argparse.REMAINDER)
    for name, (_, told) in FILE_COMMANDS.items():
        subparsers.add_parser(name, help=told).add_argument("file", type=Path)
    chosen = parser.parse_args(arguments)
    if chosen.command == "flask" and chosen.arguments[:1] and chosen.arguments[0] in FILE_COMMANDS:
        return main(chosen.arguments)
    stop_on_signals()
    try:
        if chosen.command == "flask":
            return commands.flask(chosen.arguments)
        if chosen.command in FILE_COMMANDS:
            print(FILE_COMMANDS[chosen.command][0](chosen.file))
            return 0
        if chosen.command == "worker":
            commands.worker()
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
