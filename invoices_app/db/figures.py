"""Figures that the database keeps: counts and sums that would cost more and more to compute.

Triggers write them in the transaction that changes what they count: `migrations/versions/0007_figures.py`.
"""

from __future__ import annotations

import enum
import uuid
from datetime import date
from decimal import Decimal

from sqlalchemy import BigInteger, Enum, ForeignKey, Identity, Index, Numeric, String, text
from sqlalchemy.orm import Mapped, mapped_column

from invoices_app.db.base import Base


class Figure(enum.StrEnum):
    """What is counted: where invoices stand, what was invoiced and received when, and clients."""

    DRAFT = "draft"
    SENT = "sent"
    PAID = "paid"
    INVOICED = "invoiced"
    RECEIVED = "received"
    CLIENT = "client"


class BusinessFigure(Base):
    """What was added to a figure of a business, or of a client if `client_id` names one; a figure is its rows' sum.

    `day` is the due date of sent invoices on which money is owed; the first of the month (of the year for a client) for
    what was invoiced and received; else none. `amount` is what is due for sent ones, the totals otherwise. Triggers
    write it, in `migrations/versions/0007_figures.py`; `settled` rows stand for many earlier ones.
    """

    __tablename__ = "business_figures"
    __table_args__ = (
        # All figures of a business (no client) or of a client: invoices.figures.
        Index("ix_business_figures_business_id_client_id", "business_id", "client_id", "day"),
        # What is still to be settled: settle_figures().
        Index("ix_business_figures_business_id_unsettled", "business_id", postgresql_where=text("NOT settled")),
        # Who was invoiced most in a year: dashboard.queries.
        Index(
            "ix_business_figures_business_id_top",
            "business_id",
            "day",
            "currency",
            text("amount DESC"),
            postgresql_where=text("settled AND client_id IS NOT NULL AND figure = 'invoiced'"),
        ),
    )

    business_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("businesses.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    client_id: Mapped[uuid.UUID | None]
    figure: Mapped[Figure] = mapped_column(
        Enum(Figure, name="figure_kind", values_callable=lambda all_: [figure.value for figure in all_])
    )
    archived: Mapped[bool]
    currency: Mapped[str] = mapped_column(String(3))
    day: Mapped[date | None]
    tally: Mapped[int] = mapped_column(BigInteger)
    amount: Mapped[Decimal] = mapped_column(Numeric(24, 3))
    settled: Mapped[bool] = mapped_column(server_default=text("false"))
