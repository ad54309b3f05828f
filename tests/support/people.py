"""The cast of all tests: an owner, a teammate of the same business, a stranger of another one."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

from flask import Flask

from invoices_app import clock
from invoices_app.accounts import rules
from invoices_app.accounts.models import Business, Membership, Role, User, UserSession
from invoices_app.db.base import new_id
from invoices_app.db.tenancy import Scope, set_scope
from invoices_app.db.transaction import transaction
from invoices_app.extensions import db
from tests.support.browser import Browser

PASSWORD = "a sentence to sign in"
PASSWORD_HASH = rules.hash_password(PASSWORD)
"""Argon2 takes its time by design, so one hash serves every person of a run."""


@dataclass
class Person:
    """Someone with an account, and a browser that is signed in."""

    app: Flask
    name: str
    email: str
    user_id: uuid.UUID
    business_id: uuid.UUID

    @cached_property
    def browser(self) -> Browser:
        """Signed in by a session record of its own; tests of accounts go through the form instead."""
        return self.signed_in_browser()

    def signed_in_browser(self) -> Browser:
        token = rules.new_token()
        with self.acting(), transaction() as session:
            expires_at = clock.now() + timedelta(hours=1)
            record = {"token_hash": rules.token_hash(token), "user_id": self.user_id, "business_id": self.business_id}
            session.add(UserSession(**record, expires_at=expires_at))
        browser = Browser(self.app, use_cookies=True)
        with browser.session_transaction() as cookie:
            cookie["_user_id"] = token
            cookie["_fresh"] = True
        return browser

    @contextmanager
    def acting(self) -> Iterator[None]:
        """An app context in which actions and queries are this person's. Send no request within."""
        with self.app.app_context():
            set_scope(db.session, Scope(user_id=self.user_id, business_id=self.business_id))
            yield


@dataclass
class Cast:
    owner: Person
    teammate: Person
    stranger: Person


def make_cast(app: Flask) -> Cast:
    owner = make_owner(app, "Ada Owner", "Owner & Sons Ltd")
    return Cast(owner, make_teammate(owner, "Tom Teammate"), make_owner(app, "Sam Stranger", "Stranger Ltd"))


def make_owner(app: Flask, name: str, business_name: str, **details: Any) -> Person:
    """A person with a new business in GBP."""
    user_id, business_id = new_id(), new_id()
    person = Person(app, name, _email(name), user_id, business_id)
    with person.acting(), transaction() as session:
        session.add(User(id=user_id, name=name, email=person.email, password_hash=PASSWORD_HASH))
        session.add(Business(id=business_id, name=business_name, **{"currency": "GBP", **details}))
        session.flush()
        session.add(Membership(business_id=business_id, user_id=user_id, role=Role.OWNER))
    return person


def make_teammate(owner: Person, name: str, role: Role = Role.MEMBER) -> Person:
    """Another person in the business of `owner`."""
    person = Person(owner.app, name, _email(name), new_id(), owner.business_id)
    with person.acting(), transaction() as session:
        session.add(User(id=person.user_id, name=name, email=person.email, password_hash=PASSWORD_HASH))
        session.flush()
        session.add(Membership(business_id=owner.business_id, user_id=person.user_id, role=role))
    return person


def _email(name: str) -> str:
    return f"{name.split(maxsplit=1)[0].lower()}-{uuid.uuid4().hex}@example.com"
