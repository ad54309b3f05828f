"""The folder that holds everything this program keeps: database, passwords, secret key, lock.

Everything in it is closed to other people. The folder itself must let PostgreSQL's own user pass when root
starts us, so a folder that we make, or find empty, becomes passable; no permission outside of it is changed.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from pathlib import Path
from types import TracebackType

PASSABLE = 0o711
PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600


class StartupError(RuntimeError):
    """The program cannot start; the message is a sentence for the person who started it."""


class DataDirBusyError(StartupError):
    """Another launcher holds the lock of this data folder."""


def open_data_dir(path: Path) -> None:
    """Make the folder `path` with its parents when missing; raises StartupError when it cannot be used."""
    mode = PASSABLE if os.geteuid() == 0 else PRIVATE_FOLDER
    try:
        for folder in (*reversed(path.parents), path):
            if not folder.exists():
                folder.mkdir()
                folder.chmod(mode)
        if not any(path.iterdir()):
            path.chmod(path.stat().st_mode | mode)
    except OSError as error:
        raise StartupError(f"DATA_DIR {path} cannot be used: {error.strerror}") from None
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise StartupError(f"DATA_DIR {path} cannot be written; it belongs to another user")


def lack_of_space(path: Path, needed_mb: int) -> str | None:
    """A sentence when less than `needed_mb` are free where the folder `path` is; None also when there is none."""
    try:
        free = shutil.disk_usage(path).free // 1024**2
    except OSError:
        return None
    if free >= needed_mb:
        return None
    return f"only {free} MB are free in DATA_DIR {path}, {needed_mb} are needed (MIN_FREE_MB)"


def secret_file(path: Path) -> str:
    """The secret in `path`, made at first use: 64 hexadecimal digits in a file that only its owner can read.

    Two processes that make it at once both get the one that came first.
    """
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        if not path.exists():
            draft.touch(mode=PRIVATE_FILE)
            draft.write_text(secrets.token_hex(32) + "\n")
            try:
                path.hardlink_to(draft)
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        return path.read_text().strip()
    except OSError as error:
        raise StartupError(f"{path} cannot be used: {error.strerror}") from None


class DataDirLock:
    """Held by the one launcher that works on a data folder; the system frees it when that process ends."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._file: int | None = None

    def __enter__(self) -> DataDirLock:
        """Take the lock; raises DataDirBusyError at once when another process holds it."""
        path = self._data_dir / "lock"
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
        except OSError as error:
            raise StartupError(f"{path} cannot be used: {error.strerror}") from None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(file, 20).decode("ascii", "replace").strip()
            os.close(file)
            raise DataDirBusyError(
                f"Invoices is already running on DATA_DIR {self._data_dir} (process {holder or 'unknown'}); "
                "stop it first, or choose another DATA_DIR"
            ) from None
        os.ftruncate(file, 0)
        os.write(file, f"{os.getpid()}\n".encode())
        self._file = file
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
