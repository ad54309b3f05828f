"""Imports: the file that somebody brought, what was read from it, and how far the work on it is."""

from __future__ import annotations

import enum
import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    String,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from invoices_app.db.base import Base, created_at_column, in_list, new_id, text_column
from invoices_app.imports.plan import Kind

FILE_NAME_LENGTH = 200
COLUMN_LENGTH = 200
SENTENCE_LENGTH = 500
PART_BYTES = 1024 * 1024


class Status(enum.StrEnum):
    """Where an import stands. It waits for the worker as RUNNING, too."""

    PREVIEW = "preview"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Task(enum.StrEnum):
    """What a running import is about: to show what would come in, or to bring it in."""

    READ = "read"
    WRITE = "write"


class Import(Base):
    """A file that somebody brought. `sheet` is how it is to be read, of an archive what it holds.

    `preview` is what was read from it by these `choices`, None when that is to be done, and `result` what came in.

    `attempts` counts how often the work was begun. A worker holds an advisory lock while it works, which ends with its
    connection, so nothing here says who it is; see `imports/jobs.py`.
    """

    __tablename__ = "imports"
    __table_args__ = (
        CheckConstraint(in_list("kind", tuple(Kind)), name="kind_known"),
        CheckConstraint(in_list("status", tuple(Status)), name="status_known"),
        CheckConstraint(in_list("task", tuple(Task)), name="task_known"),
        CheckConstraint("octet_length(sha256) = 32", name="sha256_length"),
        # What waits for a worker, the oldest first, in all businesses.
        Index("ix_imports_changed_at", "changed_at", postgresql_where=text("status = 'running'")),
    )

    business_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("businesses.id"), primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    file_name: Mapped[str] = mapped_column(String(FILE_NAME_LENGTH))
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    kind: Mapped[str] = mapped_column(String(10))
    status: Mapped[str] = mapped_column(String(10))
    task: Mapped[str] = mapped_column(String(10))
    sheet: Mapped[dict[str, Any]]
    choices: Mapped[dict[str, Any] | None]
    preview: Mapped[dict[str, Any] | None]
    result: Mapped[dict[str, Any] | None]
    only_good_rows: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    outcome: Mapped[str] = text_column(SENTENCE_LENGTH)
    attempts: Mapped[int] = mapped_column(server_default="0", default=0)
    rows_done: Mapped[int] = mapped_column(BigInteger, server_default="0", default=0)
    rows_total: Mapped[int] = mapped_column(BigInteger, server_default="0", default=0)
    cancel_requested: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    created_at: Mapped[datetime] = created_at_column()
    changed_at: Mapped[datetime] = created_at_column()


class ImportPart(Base):
    """A piece of the file, for any worker to put together. They go away when the import is done."""

    __tablename__ = "import_parts"
    __table_args__ = (
        CheckConstraint(f"octet_length(content) BETWEEN 1 AND {PART_BYTES}", name="content_length"),
        ForeignKeyConstraint(["business_id", "import_id"], ["imports.business_id", "imports.id"], ondelete="CASCADE"),
    )

    business_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    import_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class ImportProblem(Base):
    """Why a row does not come in, or what is noted about one that does, as it was read last."""

    __tablename__ = "import_problems"
    __table_args__ = (
        ForeignKeyConstraint(["business_id", "import_id"], ["imports.business_id", "imports.id"], ondelete="CASCADE"),
    )

    business_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    import_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    is_note: Mapped[bool] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    line: Mapped[int]
    column_name: Mapped[str] = mapped_column(String(COLUMN_LENGTH))
    sentence: Mapped[str] = mapped_column(String(SENTENCE_LENGTH))
