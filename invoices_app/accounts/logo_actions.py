"""The logo of a business: put one up, take it down. What was once a logo stays, for the documents that bear it."""

from __future__ import annotations

import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session

from invoices_app.accounts import audit
from invoices_app.accounts.models import Business, Logo
from invoices_app.db.base import new_id
from invoices_app.db.tenancy import in_business
from invoices_app.db.transaction import transaction
from invoices_app.results import ActionResult, Invalid, NotFound, Ok


def change_logo(data: bytes) -> ActionResult[uuid.UUID]:
    """Let drafts and all documents to come bear the logo in this file; the value is its id.

    The same picture again is the same logo.
    """
    from invoices_app.accounts import logo  # noqa: PLC0415  (8 MB, for a thing that people do once)

    try:
        picture = logo.read(data)
    except logo.UnusableLogoError as error:
        return Invalid.because(str(error), "logo")
    with transaction() as session:
        business = _locked_business(session)
        if business is None:
            return NotFound()
        known = select(Logo.id).where(in_business(Logo), Logo.sha256 == picture.sha256)
        logo_id = session.execute(known).scalar_one_or_none()
        if logo_id is None:
            logo_id = new_id()
            size = {"width": picture.width, "height": picture.height}
            session.add(Logo(business_id=business.id, id=logo_id, png=picture.png, sha256=picture.sha256, **size))
            session.flush()
        _bear(session, business, logo_id)
        return Ok(logo_id)


def remove_logo() -> ActionResult[None]:
    """Let drafts and all documents to come bear no logo. Doing it twice is harmless."""
    with transaction() as session:
        business = _locked_business(session)
        if business is None:
            return NotFound()
        _bear(session, business, None)
        return Ok(None)


def _locked_business(session: Session) -> Business | None:
    return session.execute(select(Business).with_for_update()).scalar_one_or_none()


def _bear(session: Session, business: Business, logo_id: uuid.UUID | None) -> None:
    """The business's version stays: the logo has a form of its own, and no other is stale because of it."""
    changes = audit.difference(business, {"logo_id": logo_id})
    if changes:
        business.logo_id = logo_id
        audit.record(session, "business.changed", "business", business.id, changes)
