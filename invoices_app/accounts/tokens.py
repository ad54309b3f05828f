"""Links by mail that work once, for an hour: the table's side of them."""

from __future__ import annotations

import uuid
from datetime import timedelta

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.orm import Session, scoped_session

from invoices_app.accounts import rules
from invoices_app.accounts.models import AccountToken, Membership
from invoices_app.db.tenancy import Scope, set_scope

LINK_LIFETIME = timedelta(hours=1)
DEAD_LINK = "This link has been used or is too old. Ask for a new one."

_SHOW_TOKEN = text("SELECT set_config('app.token_hash', :token_hash, true)")


def show(session: Session | scoped_session[Session], token: str) -> None:
    """Let the running transaction see the one row of this token."""
    session.execute(_SHOW_TOKEN, {"token_hash": rules.token_hash(token).hex()})


def is_live(token: str) -> ColumnElement[bool]:
    """The condition for the row of a token that works."""
    return (AccountToken.token_hash == rules.token_hash(token)) & (AccountToken.expires_at > func.now())


def act_for(session: Session, user_id: uuid.UUID) -> uuid.UUID | None:
    """Go on as the person whose link it is, in their first business, which is the value; None when they have none."""
    set_scope(session, Scope(user_id=user_id))
    mine = select(Membership.business_id).where(Membership.user_id == user_id).order_by(Membership.created_at)
    business_id: uuid.UUID | None = session.execute(mine.limit(1)).scalar_one_or_none()
    set_scope(session, Scope(user_id=user_id, business_id=business_id))
    return business_id
