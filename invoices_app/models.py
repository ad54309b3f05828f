"""All models in one place, for migrations and for tools that read the schema."""

from __future__ import annotations

from invoices_app.accounts import models as accounts
from invoices_app.accounts import second_factor_models as second_factor
from invoices_app.clients import models as clients
from invoices_app.db import figures, scope_keys, search
from invoices_app.db.base import Base
from invoices_app.imports import models as imports
from invoices_app.invoices import models as invoices
from invoices_app.mail import models as mail

__all__ = [
    "accounts",
    "clients",
    "figures",
    "imports",
    "invoices",
    "mail",
    "metadata",
    "scope_keys",
    "search",
    "second_factor",
]

metadata = Base.metadata
