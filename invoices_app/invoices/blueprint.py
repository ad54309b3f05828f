"""The blueprint that all routes of invoices hang on."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("invoices", __name__)
