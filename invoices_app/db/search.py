"""Full-text search: every word that was typed begins a word of what is found; case and accents do not matter.

The documents, the words and the index are made in `migrations/versions/0008_search.py`.
"""

from __future__ import annotations

import enum
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import (
    CTE,
    Boolean,
    ColumnElement,
    Enum,
    ForeignKey,
    Index,
    Select,
    Text,
    bindparam,
    cast,
    func,
    literal,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from invoices_app.db.base import Base
from invoices_app.db.tenancy import in_given_business
from invoices_app.extensions import db

MOST = 5000
"""Up to so many matches are sorted; with more, the list is walked in its order, and soon finds a page of them."""

LOOKED_AT = 5000
"""So many rows of a list are looked at before its matches are sorted after all, as when all of them lie at its end."""


class SearchKind(enum.StrEnum):
    """What can be searched for."""

    INVOICE = "invoice"
    CLIENT = "client"


_KIND = Enum(SearchKind, name="search_kind", values_callable=lambda kinds: [kind.value for kind in kinds])


class SearchDocument(Base):
    """The words of an invoice or a client. Triggers write it."""

    __tablename__ = "search_documents"
    __table_args__ = (
        # Every search, by any prefix: search().
        Index("ix_search_documents_document", "document", postgresql_using="gin"),
    )

    business_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("businesses.id"), primary_key=True)
    entity_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    kind: Mapped[SearchKind] = mapped_column(_KIND, primary_key=True)
    document: Mapped[str] = mapped_column(TSVECTOR)


TYPED = bindparam("typed", type_=Text)
"""The parameter of a statement that is built once: what someone typed."""


def matches(kind: SearchKind, typed: Any = TYPED, most: int | None = MOST) -> Select[Any]:
    """Select the ids of what is found, through the index; `most` of them at most."""
    return select(func.search(cast(literal(kind.value), _KIND), typed, most).column_valued("id"))


def unless_too_many(
    kind: SearchKind, typed: str, ask: Callable[[CTE], Select[*tuple[Any, ...]]]
) -> Sequence[tuple[Any, ...]] | None:
    """What is asked about the things found, given as a table of their ids `id`; None when more than `MOST` are found.

    In one statement, which looks at nothing but the ids when they are too many.
    """
    found = matches(kind, typed, MOST + 1).cte("found")
    total = select(func.count().label("total")).select_from(found).subquery()
    asked = ask(found).where(total.c.total <= MOST).add_columns(true().label("is_row")).lateral()
    statement = select(asked, total.c.total).select_from(total.outerjoin(asked, true()))
    rows = db.session.execute(statement).all()
    return None if rows[0].total > MOST else [tuple(row[:-2]) for row in rows if row.is_row]


def too_many(kind: SearchKind, typed: str) -> bool:
    """Whether more than `MOST` are found."""
    found = matches(kind, typed, MOST + 1).subquery()
    return bool(db.session.execute(select(func.count() > MOST).select_from(found)).scalar_one())


def is_found(kind: SearchKind, entity_id: Any) -> ColumnElement[bool]:
    """The condition that the row with `entity_id` is found for `TYPED`, for a list that is walked in its order.

    Its words are looked up by its key when the walk comes to it. The parameters are `TYPED` and those of
    `given_business()`. Not by EXISTS, which would become a join that gives up the order of the list.
    """
    business_id = bindparam("business_id", type_=SearchDocument.business_id.type)
    key = func.search_key(business_id, cast(literal(kind.value), _KIND))
    wanted = select(func.search_query(key, TYPED)).scalar_subquery()  # once, and not for each row
    its_words = select(SearchDocument.document.op("@@", return_type=Boolean)(wanted)).where(
        in_given_business(SearchDocument), SearchDocument.entity_id == entity_id, SearchDocument.kind == kind
    )
    return its_words.scalar_subquery()
