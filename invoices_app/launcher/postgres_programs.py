"""PostgreSQL's own client programs, pg_dump and pg_restore: those of the wheel, or the system's."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import URL

from invoices_app.db.postgres_user import PostgresUnavailableError, wheel_programs
from invoices_app.db.processes import end_with_parent
from invoices_app.launcher.backup_file import BackupError

DEBIAN = Path("/usr/lib/postgresql")
VERSION = re.compile(r"\(PostgreSQL\) (\d+)")


@dataclass(frozen=True, slots=True)
class Program:
    """A client program that logs in with `login`."""

    path: Path
    login: URL

    @property
    def _command(self) -> list[str]:
        login = self.login.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
        return [str(self.path), "--no-password", f"--dbname={login}"]

    @property
    def _environment(self) -> dict[str, str]:
        """The password, which a command line would show to everybody, and nothing of our own settings."""
        password = {"PGPASSWORD": str(self.login.password)} if self.login.password else {}
        return {"LC_ALL": "C", "PATH": os.defpath, **password}

    def written(self, *arguments: str) -> Generator[bytes]:
        """What the program writes, as it comes. Raises BackupError with its last words when it fails."""
        with self._started([*self._command, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
            if process.stdout is None:
                raise AssertionError
            while chunk := process.stdout.read1():  # type: ignore[attr-defined]  # a BufferedReader
                yield chunk

    def read(self, chunks: Iterator[bytes], *arguments: str) -> None:
        """Let the program read all of that. Raises BackupError with its last words when it fails."""
        with self._started([*self._command, *arguments], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
            if process.stdin is None:
                raise AssertionError
            with suppress(BrokenPipeError):  # its own words say why it ended
                for chunk in chunks:
                    process.stdin.write(chunk)
            with suppress(BrokenPipeError):
                process.stdin.close()

    @contextmanager
    def _started(self, command: list[str], *, stdin: int, stdout: int) -> Iterator[subprocess.Popen[bytes]]:
        with (
            tempfile.TemporaryFile() as said,
            subprocess.Popen(
                command,
                env=self._environment,
                stdin=stdin,
                stdout=stdout,
                stderr=said,
                start_new_session=True,
                preexec_fn=end_with_parent(signal.SIGTERM),  # noqa: PLW1509  (it only calls the kernel)
            ) as process,
        ):
            try:
                yield process
            except BaseException:
                process.kill()
                raise
            if process.wait() != 0:
                said.seek(0)
                words = said.read().decode(errors="replace").strip().splitlines()
                told = [line for line in words if "error:" in line] or words or ["it left no message"]
                raise BackupError(f"{self.path.name} failed: {told[0].partition('error: ')[2] or told[0]}")


def client(name: str, login: URL, version: int) -> Program:
    """The program `name` of the oldest PostgreSQL here that is not older than `version`.

    A newer one than needed writes and sets what an older server does not know. Raises BackupError when all are older.
    """
    found: dict[int, Path] = {}
    for path in _candidates(name):
        found.setdefault(_major_version(path), path)
    if fitting := [major for major in found if major >= version]:
        return Program(found[min(fitting)], login)
    raise BackupError(
        f"The server is PostgreSQL {version}, and there is no {name} here that is as new; "
        f"install the package postgresql-client-{version}"
    )


def _candidates(name: str) -> Iterator[Path]:
    with suppress(PostgresUnavailableError):
        yield wheel_programs() / name
    yield from DEBIAN.glob(f"*/bin/{name}")
    if system := shutil.which(name):
        yield Path(system)


def _major_version(path: Path) -> int:
    """The program's version, 0 when it does not run here."""
    try:
        told = subprocess.run([path, "--version"], capture_output=True, text=True, check=False, timeout=10).stdout
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = VERSION.search(told)
    return int(found[1]) if found else 0
