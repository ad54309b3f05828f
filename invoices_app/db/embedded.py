"""A PostgreSQL server of our own, in the data folder, reached only through a Unix socket.

The programs come from a wheel. The server ends with the process that started it; whatever a killed launcher
left behind (a server still running, processes of a killed server, stale lock files) is cleared at the next start.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path
from types import TracebackType

import psutil
import psycopg
from psycopg import sql
from sqlalchemy.engine import URL

from invoices_app.db import processes
from invoices_app.db.data_dir import PRIVATE_FILE, PRIVATE_FOLDER, open_data_dir, secret_file
from invoices_app.db.postgres_user import MAJOR_VERSION, PostgresUnavailableError, PostgresUser, binaries

SUPERUSER = "postgres"
OWNER = "invoices_owner"
DATABASE = "invoices"
PORT = "5432"

SOCKET_PATH = re.compile(rb"[A-Za-z0-9._/-]{1,90}")
"""The system allows 104 to 108 bytes for the socket's folder and name together."""

SYSTEM_TEMP = Path("/tmp")  # noqa: S108  (not TMPDIR: it differs between sessions, and may be closed to PostgreSQL)

START_SECONDS = 300.0
"""Recovery after a crash may replay a gigabyte of log."""

FAST_STOP_SECONDS = 30.0
HARD_STOP_SECONDS = 5.0
LOG_LIMIT_BYTES = 10_000_000
CONNECTIONS = 100

SETTINGS = {
    "listen_addresses": "",
    "port": PORT,
    "unix_socket_permissions": "0700",
    "shared_buffers": "256MB",
    "maintenance_work_mem": "128MB",
    "random_page_cost": "1.1",
    "effective_io_concurrency": "64",
    "max_wal_size": "2GB",
    "wal_compression": "on",
    "jit": "off",  # its compile time is longer than our queries
    "max_parallel_workers_per_gather": "0",  # containers have little shared memory to share between workers
    "max_parallel_maintenance_workers": "0",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "log_checkpoints": "off",
}
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
FORGETFUL = dict.fromkeys(DURABLE, "off")


class EmbeddedPostgres:
    """The server of one data folder.

    With `durable=False` a power cut may lose the data, and writing is faster: for tests. `connections` is how many the
    server takes. Take the folder's `DataDirLock` first wherever two programs could start a server on the same folder.
    """

    name = "PostgreSQL"

    def __init__(self, data_dir: Path, *, durable: bool = True, connections: int = CONNECTIONS) -> None:
        self.data_dir = data_dir.resolve()
        self._cluster = self.data_dir / "postgres"
        self._log = self.data_dir / "postgres.log"
        digest = hashlib.sha256(os.fsencode(self.data_dir)).hexdigest()[:16]
        self._title = f"invoices-{digest}"
        self._socket_dir = _socket_dir(self.data_dir, self._title)
        self._durability = DURABLE if durable else FORGETFUL
        self._connections = connections
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def owner_url(self) -> URL:
        """The login that owns the database: it migrates, and makes the role that the app works as."""
        return self._url(OWNER, DATABASE)

    @property
    def superuser_url(self) -> URL:
        """The login that may do everything, for tests and repairs only."""
        return self._url(SUPERUSER, DATABASE)

    def __enter__(self) -> EmbeddedPostgres:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the server, making the database cluster at first use, and wait until it answers.

        Raises PostgresUnavailableError when it cannot run here, StartupError when DATA_DIR cannot be used.
        """
        open_data_dir(self.data_dir)
        self._end_leftovers()
        user = PostgresUser.choose(self._cluster)
        user.require_way_to(self.data_dir)
        programs = binaries(user, self.data_dir)
        if not self._cluster.exists():
            self._create_cluster(user, programs)
        self._check_version()
        self._make_socket_dir(user)
        try:
            self._spawn(user, programs)
            self.wait_ready()
            self._ensure_owner()
        except psycopg.Error as error:
            self.stop()
            raise PostgresUnavailableError(f"PostgreSQL in {self._cluster} refused us: {error}") from None
        except BaseException:
            self.stop()
            raise

    def is_alive(self) -> bool:
        """Whether the server that this object started still runs."""
        return self._process is not None and self._process.poll() is None

    def wait_ready(self) -> None:
        """Wait until the server lets clients in; raises PostgresUnavailableError when it ends instead."""
        processes.wait_until(lambda: self._is_ready() or self._has_failed(), START_SECONDS)
        if not self._is_ready():
            raise PostgresUnavailableError(f"PostgreSQL did not start: {self._last_log_line()} (see {self._log})")

    def accepts_clients(self) -> bool:
        """Whether a server, whoever started it, is up on this data folder."""
        return self._notes_ready() and bool(self._processes())

    def stop(self) -> None:
        """End the server: open transactions roll back, everything committed is on the disk. Twice is fine."""
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(FAST_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._process = None
        self._end_leftovers()

    def _url(self, role: str, database: str) -> URL:
        return URL.create(
            "postgresql+psycopg",
            username=role,
            password=secret_file(self._password_file(role)),
            database=database,
            query={"host": str(self._socket_dir), "port": PORT},
        )

    def _password_file(self, role: str) -> Path:
        return self.data_dir / f"{role}_password"

    def _create_cluster(self, user: PostgresUser, programs: Path) -> None:
        """Make the cluster beside its place and move it there when whole: a killed first start can be repeated."""
        password_file = self._password_file(SUPERUSER)
        secret_file(password_file)
        user.own(password_file)
        draft = self.data_dir / "postgres.draft"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=PRIVATE_FOLDER)
        user.own(draft)
        command: list[str | Path] = [
            programs / "initdb",
            f"--pgdata={draft}",
            f"--username={SUPERUSER}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--data-checksums",
            "--no-instructions",
            *(["--no-sync"] if self._durability is FORGETFUL else []),
        ]
        code, written = user.run(command)
        if code != 0:
            raise PostgresUnavailableError(f"PostgreSQL could not make its data folder: {_last_line(written)}")
        draft.rename(self._cluster)

    def _check_version(self) -> None:
        try:
            found = (self._cluster / "PG_VERSION").read_text().strip()
        except OSError as error:
            raise PostgresUnavailableError(
                f"The database in {self._cluster} cannot be read ({error.strerror}); "
                "start Invoices as the user who made it"
            ) from None
        if found != MAJOR_VERSION:
            raise PostgresUnavailableError(
                f"The database in {self._cluster} was made by PostgreSQL {found}, but this Invoices brings "
                f"PostgreSQL {MAJOR_VERSION}; export it with the version of Invoices that made it"
            )

    def _make_socket_dir(self, user: PostgresUser) -> None:
        """Make the private folder of the socket; one that somebody else put in its place is refused."""
        owner = os.geteuid() if user.uid is None else user.uid
        try:
            self._socket_dir.mkdir(mode=PRIVATE_FOLDER)
            user.own(self._socket_dir)
        except FileExistsError:
            found = self._socket_dir.lstat()
            if not self._socket_dir.is_dir() or self._socket_dir.is_symlink() or found.st_uid != owner:
                raise PostgresUnavailableError(
                    f"{self._socket_dir} is in the way of PostgreSQL's socket and belongs to somebody else; remove it"
                ) from None
        self._socket_dir.chmod(PRIVATE_FOLDER)
        for stale in self._socket_dir.glob(".s.PGSQL.*"):
            stale.unlink()

    def _spawn(self, user: PostgresUser, programs: Path) -> None:
        if self._log.exists() and self._log.stat().st_size > LOG_LIMIT_BYTES:
            self._log.replace(self._log.with_suffix(".old.log"))
        settings = {
            **SETTINGS,
            "max_connections": str(self._connections),
            **self._durability,
            "unix_socket_directories": f'"{self._socket_dir}"',
            "cluster_name": self._title,
        }
        command: list[str | Path] = [programs / "postgres", "-D", self._cluster]
        for key, value in settings.items():
            command += ["-c", f"{key}={value}"]
        with self._log.open("ab") as log:
            self._log.chmod(PRIVATE_FILE)
            self._process = user.spawn(command, log, ends_by=signal.SIGINT)

    def _notes(self) -> list[str]:
        """What a server notes beside its data: its process id in line 1, its state in line 8."""
        try:
            return (self._cluster / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    def _noted_pid(self) -> int:
        notes = self._notes()
        return int(notes[0]) if notes and notes[0].isdigit() else -1

    def _notes_ready(self) -> bool:
        return self._notes()[7:8] == ["ready   "]

    def _is_ready(self) -> bool:
        return self._process is not None and self._noted_pid() == self._process.pid and self._notes_ready()

    def _has_failed(self) -> bool:
        return not self.is_alive()

    def _last_log_line(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines()
        fatal = [line for line in lines[-20:] if "FATAL" in line]
        return (fatal or lines or ["it left no message"])[-1]

    def _ensure_owner(self) -> None:
        """Make the owner's role and the database, or set the owner's password to that in its file."""
        url = self._url(SUPERUSER, SUPERUSER)
        password = secret_file(self._password_file(OWNER))
        login = url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(login, autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [OWNER]).fetchone()
            connection.execute(
                sql.SQL("{} ROLE {} LOGIN NOSUPERUSER CREATEROLE CREATEDB PASSWORD {}").format(
                    sql.SQL("ALTER" if known else "CREATE"),
                    sql.Identifier(OWNER),
                    sql.Literal(connection.pgconn.encrypt_password(password.encode(), OWNER.encode()).decode()),
                )
            )
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(DATABASE), sql.Identifier(OWNER))
                )

    def _end_leftovers(self) -> None:
        """End every process of this cluster, gently first: an orphaned server, or what a killed one left.

        A killed server's processes hold its shared memory, and as long as they do no new one starts.
        """
        for only, number, seconds in (
            (self._noted_pid(), signal.SIGINT, FAST_STOP_SECONDS),
            (None, signal.SIGQUIT, HARD_STOP_SECONDS),
            (None, signal.SIGKILL, HARD_STOP_SECONDS),
        ):
            leftovers = [process for process in self._processes() if only in (None, process.pid)]
            for process in leftovers:
                processes.send(process, number)
            if leftovers:
                processes.wait_until(lambda: not self._processes(), seconds)
        # The id in a stale file may be another program's by now, which PostgreSQL would take for a server.
        if psutil.pid_exists(self._noted_pid()):
            (self._cluster / "postmaster.pid").unlink()

    def _processes(self) -> list[psutil.Process]:
        """The live processes of this cluster; each bears the cluster's name in its title."""
        return processes.find("postgres", self._title)


def _socket_dir(data_dir: Path, title: str) -> Path:
    """A folder in `data_dir` when its path fits into a socket address and needs no escape in a URL, else a short one.

    The escapes are no way out: SQLAlchemy writes a blank as `+`, which PostgreSQL's client does not read as one.
    """
    inside = data_dir / "socket"
    fits = SOCKET_PATH.fullmatch(os.fsencode(inside))
    return inside if fits else SYSTEM_TEMP / title


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it left no message"])[-1]
