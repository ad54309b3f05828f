"""A backup in one file: a zip with PostgreSQL's own dump in it, and a manifest of what must come out of it again."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO
from zipfile import BadZipFile, ZipFile

from invoices_app.db.data_dir import PRIVATE_FILE, StartupError

FORMAT = 1
DUMP = "database.dump"
MANIFEST = "manifest.json"
BEGINNING = b"PK\x03\x04"
CHUNK = 1 << 20


class BackupError(StartupError):
    """A backup cannot be made or restored; the message is a sentence for the person who asked for it."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a database when its dump begins: its schema, who owns it, and how many rows each table has."""

    app_version: str
    migration: str
    owner: str
    server_version: int
    made_at: str
    rows: dict[str, int]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself. `dump_size` is in bytes."""

    format: int
    dump_size: int
    dump_sha256: str
    facts: Facts

    @classmethod
    def read(cls, text: bytes) -> Manifest:
        """Raises ValueError, TypeError or KeyError for what is no manifest of this format."""
        values = json.loads(text)
        facts = values.pop("facts")
        facts["rows"] = {str(table): int(count) for table, count in facts["rows"].items()}
        return cls(**values, facts=Facts(**facts))


def write(path: Path, facts: Facts, dump: Generator[bytes]) -> Manifest:
    """Write a backup that only its owner can read; nothing stands at `path` before the whole of it is on the disk.

    Raises BackupError when it cannot be written.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with closing(dump), open(draft, "xb", opener=_private) as file:
            manifest = _write_zip(file, facts, dump)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        _keep_name(path.parent)
    except OSError as error:
        raise BackupError(f"The backup {path} cannot be written: {error.strerror or error}") from None
    finally:
        draft.unlink(missing_ok=True)
    return manifest


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, PRIVATE_FILE)


def _write_zip(file: IO[bytes], facts: Facts, dump: Iterator[bytes]) -> Manifest:
    digest, size = hashlib.sha256(), 0
    with ZipFile(file, "w") as archive:
        with archive.open(DUMP, "w", force_zip64=True) as member:
            for chunk in dump:
                digest.update(chunk)
                size += len(chunk)
                member.write(chunk)
        manifest = Manifest(FORMAT, size, digest.hexdigest(), facts)
        archive.writestr(MANIFEST, json.dumps(asdict(manifest), indent=1))
    return manifest


def _keep_name(folder: Path) -> None:
    """Write the folder's entries to the disk: without that a power cut may take the name of a file that is safe."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup whose checksum was found right."""

    manifest: Manifest
    archive: ZipFile

    def dump(self) -> Iterator[bytes]:
        return _chunks(self.archive)


@contextmanager
def opened(path: Path) -> Iterator[Backup]:
    """The backup in a file, read once from end to end; raises BackupError with what is wrong with it."""
    try:
        with ZipFile(path) as archive:
            yield Backup(_checked(path, archive), archive)
    except FileNotFoundError:
        raise BackupError(f"There is no file {path}") from None
    except BadZipFile:
        raise BackupError(_why_unreadable(path)) from None
    except OSError as error:
        raise BackupError(f"The backup {path} cannot be read: {error.strerror or error}") from None


def _checked(path: Path, archive: ZipFile) -> Manifest:
    try:
        text = archive.read(MANIFEST)
        made_for = json.loads(text)["format"]
        if made_for > FORMAT:
            raise BackupError(f"{path} was made by a newer version of Invoices; restore it with that")
        manifest = Manifest.read(text)
        digest = hashlib.sha256()
        for chunk in _chunks(archive):
            digest.update(chunk)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise BackupError(f"{path} is not a backup of Invoices") from None
    except BadZipFile:
        raise _altered(path) from None
    if digest.hexdigest() != manifest.dump_sha256:
        raise _altered(path)
    return manifest


def _altered(path: Path) -> BackupError:
    return BackupError(f"{path} is damaged, or was altered after it was made: its checksum is wrong")


def _chunks(archive: ZipFile) -> Iterator[bytes]:
    with archive.open(DUMP) as member:
        while chunk := member.read(CHUNK):
            yield chunk


def _why_unreadable(path: Path) -> str:
    """A zip has its table of contents at its end, so that one that was cut off can be told by how it begins."""
    with path.open("rb") as file:
        start = file.read(100)
    if start.startswith(BEGINNING) and DUMP.encode() in start:
        return f"{path} is not complete: its end is missing"
    return f"{path} is not a backup of Invoices"
