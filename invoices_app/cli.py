"""Flask commands; each calls an action or a query."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import click
from flask import Flask, current_app
from flask.cli import AppGroup
from sqlalchemy import NullPool, create_engine, select

from invoices_app.accounts import chain, second_factor_operations
from invoices_app.accounts.models import Business
from invoices_app.config import Settings
from invoices_app.dashboard import bulk, demo
from invoices_app.db.tenancy import Scope, set_scope
from invoices_app.extensions import db
from invoices_app.imports import archive_actions, archive_export
from invoices_app.imports.plan import Arrival
from invoices_app.mail import sender_of
from invoices_app.money import currency_codes
from invoices_app.results import Conflict, Ok


def init_cli(app: Flask) -> None:
    @app.cli.command("seed")
    @click.option("--invoices", type=click.IntRange(1), help="As many, made for measuring, instead of the demo.")
    @click.option("--businesses", type=click.IntRange(1), default=1, show_default=True, help="Spread over so many.")
    def seed(invoices: int | None, businesses: int) -> None:
        """Make a demo business with clients and invoices in every state, or invoices by the thousand."""
        if invoices is None:
            click.echo(demo.make_demo_business())
        else:
            _seed_bulk(invoices, businesses)

    @app.cli.command("export")
    @click.option("--business", type=click.UUID, required=True, help="The id of the business.")
    @click.argument("file", type=click.Path(dir_okay=False, writable=True, path_type=Path))
    def export(business: uuid.UUID, file: Path) -> None:
        """Write all data of a business into the zip archive FILE."""
        _export(business, file)

    @app.cli.command("import")
    @click.option("--business", type=click.UUID, required=True, help="The id of the business.")
    @click.option(
        "--status", type=click.Choice([one.value for one in Arrival]), help="How invoices come in; 'file': as it says."
    )
    @click.option("--tax-rate", type=click.FloatRange(0, 100), help="In %, for rows that say none.")
    @click.option("--currency", type=click.Choice(sorted(currency_codes())), metavar="CODE", help="Where it says none.")
    @click.option("--only-good-rows", is_flag=True, help="Leave out the rows that cannot come in.")
    @click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
    def import_(business: uuid.UUID, file: Path, *, only_good_rows: bool, **wanted: Any) -> None:
        """Import FILE, a CSV of clients or invoices or an archive; exit status 1 when nothing was written."""
        _import(business, file, {name: value for name, value in wanted.items() if value is not None}, only_good_rows)

    audit = AppGroup("audit", help="The chain of audit events.")
    app.cli.add_command(audit)

    @audit.command("verify")
    @click.option("--business", type=click.UUID, help="Only the chain of the business with this id.")
    def verify(business: uuid.UUID | None) -> None:
        """Walk the chains and name the first broken link of each; exit status 1 when there is one."""
        raise SystemExit(_verify(business))

    factor = AppGroup("second-factor", help="Second factors, as whoever runs the app cares for them.")
    app.cli.add_command(factor)

    @factor.command("reset")
    @click.argument("email")
    def reset(email: str) -> None:
        """Take the second factor off the account with this EMAIL; its person is told by mail."""
        _reset(email.strip().lower())

    @factor.command("reseal")
    def reseal() -> None:
        """Seal all secrets with SECRET_KEY, those that SECRET_KEY_FALLBACKS opens; exit status 1 when one cannot be."""
        raise SystemExit(_reseal())


def _seed_bulk(invoices: int, businesses: int) -> None:
    try:
        with click.progressbar(length=invoices, label=f"{invoices:,} invoices") as bar:
            made = bulk.make_businesses(invoices, businesses, bar.update)
    except LookupError as problem:
        raise SystemExit(str(problem)) from None
    for share in (made[0], made[-1])[: len(made)]:
        click.echo(f"{share.email} has {share.invoices:,} invoices")
    click.echo(f"{len(made):,} businesses; everyone's password is {demo.demo_password()}")


def _export(business: uuid.UUID, file: Path) -> None:
    _enter(business)
    archive_actions.note_export()
    begun = file.with_name(f"{file.name}.part")  # so that what stopped in the middle is taken for no archive
    with begun.open("wb") as archive:
        for chunk in archive_export.chunks():
            archive.write(chunk)
    db.session.rollback()
    begun.replace(file)
    click.echo(f"{file} holds the whole business, {file.stat().st_size:,} bytes.")


def _import(business: uuid.UUID, file: Path, wanted: dict[str, Any], only_good_rows: bool) -> None:  # noqa: FBT001
    from invoices_app.imports import command  # noqa: PLC0415  (with the worker's part, which no web process needs)

    _enter(business)
    try:
        command.bring(file, wanted, only_good_rows=only_good_rows, say=click.echo)
    except command.StoppedError as problem:
        raise SystemExit(str(problem)) from None


def _enter(business: uuid.UUID) -> None:
    """Let what follows see this business and no other."""
    set_scope(db.session, Scope(business_id=business))
    if db.session.execute(select(Business.id)).one_or_none() is None:
        raise SystemExit(f"There is no business with the id {business}.")


def _reset(email: str) -> None:
    match second_factor_operations.reset(email):
        case Ok():
            sender_of(current_app).deliver_due()
            click.echo(f"{email} signs in with the password alone now. Every browser of theirs was signed out.")
        case Conflict():
            raise SystemExit(f"{email} has no second factor.")
        case _:
            raise SystemExit(f"There is no account with the email {email}.")


def _reseal() -> int:
    settings: Settings = current_app.config["SETTINGS"]
    if settings.owner_database_url is None:
        raise SystemExit("Sealing needs the owner's login in DATABASE_URL; python -m invoices_app flask sets it.")
    engine = create_engine(settings.owner_database_url, poolclass=NullPool)
    done = second_factor_operations.reseal(engine, settings.secret_keys)
    click.echo(f"{done.anew:,} sealed anew, {done.already:,} were already, {len(done.lost):,} cannot be opened")
    for user_id in done.lost:
        click.echo(f"cannot be opened: the second factor of user {user_id}")
    return 1 if done.lost else 0


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
