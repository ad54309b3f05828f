"""Flask commands; each calls an action or a query."""

from __future__ import annotations

import click
from flask import Flask

from invoices_app.dashboard import demo


def init_cli(app: Flask) -> None:
    @app.cli.command("seed")
    def seed() -> None:
        """Make a demo business with clients and invoices in every state."""
        click.echo(demo.make_demo_business())
