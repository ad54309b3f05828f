"""A database that goes away between the last statement of a request and its end."""

from __future__ import annotations

from flask import Flask
from sqlalchemy import text

from invoices_app.extensions import db
from tests.support.databases import Database


def test_an_answer_outlives_its_connection(app: Flask, database: Database) -> None:
    with app.app_context():
        backend = db.session.scalar(text("SELECT pg_backend_pid()"))
        database.ask("SELECT pg_terminate_backend(%s, 5000)", backend)
    with app.app_context():
        assert db.session.scalar(text("SELECT 1")) == 1
