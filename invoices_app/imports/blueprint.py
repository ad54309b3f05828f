"""The blueprint of what comes in and goes out as files."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("imports", __name__)
