"""Constraint names to sentences, in one place: the database has the last word, the person gets to read it."""

from __future__ import annotations

import psycopg
from sqlalchemy.exc import DBAPIError, IntegrityError

from invoices_app.results import FORM, Invalid

FROZEN = (FORM, "This invoice was issued and is frozen; it cannot be edited any more.")

SENTENCES = {
    "uq_users_email": (
        "email",
        "This email address cannot be used for a new account. If it is yours, sign in.",
    ),
    "uq_invitations_business_id_email": ("email", "This address is invited already. Send its invitation again below."),
    "fk_invoices_business_id_client_id": ("client_id", "Choose one of your clients."),
    "ck_invoices_frozen": FROZEN,
    "ck_line_items_frozen": FROZEN,
    "ck_invoice_taxes_frozen": FROZEN,
    "ck_payments_frozen": (FORM, "A recorded payment stays as it is; take it back and record it anew."),
    "ck_invoices_due_after_issue": ("due_date", "The due date cannot be before the issue date."),
}


def explain(error: IntegrityError) -> Invalid:
    """The sentence for the constraint that refused a row; raises `error` again when no person could have caused it."""
    name = name_of(error)
    if name is None or name not in SENTENCES:
        raise error
    field, sentence = SENTENCES[name]
    return Invalid.because(sentence, field)


def name_of(error: DBAPIError) -> str | None:
    """The name of the constraint that refused a row."""
    return error.orig.diag.constraint_name if isinstance(error.orig, psycopg.Error) else None
