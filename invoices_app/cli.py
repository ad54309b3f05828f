"""Flask commands; each calls an action or a query."""

from __future__ import annotations

import uuid

import click
from flask import Flask, current_app
from flask.cli import AppGroup
from sqlalchemy import NullPool, create_engine

from invoices_app.accounts import chain
from invoices_app.config import Settings
from invoices_app.dashboard import demo


def init_cli(app: Flask) -> None:
    @app.cli.command("seed")
    def seed() -> None:
        """Make a demo business with clients and invoices in every state."""
        click.echo(demo.make_demo_business())

    audit = AppGroup("audit", help="The chain of audit events.")
    app.cli.add_command(audit)

    @audit.command("verify")
    @click.option("--business", type=click.UUID, help="Only the chain of the business with this id.")
    def verify(business: uuid.UUID | None) -> None:
        """Walk the chains and name the first broken link of each; exit status 1 when there is one."""
        raise SystemExit(_verify(business))


def _verify(business: uuid.UUID | None) -> int:
    settings: Settings = current_app.config["SETTINGS"]
    if settings.owner_database_url is None:
        raise SystemExit("Verifying needs the owner's login in DATABASE_URL; python -m invoices_app flask sets it.")
    engine = create_engine(settings.owner_database_url, poolclass=NullPool)
    with engine.connect() as owner:
        wanted = [business] if business else chain.businesses(owner)
        owner.rollback()
        broken = 0
        for verdict in (chain.verify(owner, business_id) for business_id in wanted):
            broken += verdict.problem is not None
            found = verdict.problem or f"intact, ends with {verdict.end.hex() or 'nothing'}"
            click.echo(f"{verdict.business_id}: {verdict.events:,} events, {found}")
    click.echo(f"{len(wanted):,} chains, {broken:,} broken")
    return 1 if broken else 0
