"""Flask without what this app never asks for, and what would be paid for with every request."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any

from flask.templating import Environment

from invoices_app.web.retries import RetryingFlask


class OneNamespace(Environment):
    """A Jinja environment whose templates have no globals of their own.

    Jinja gives each template a ChainMap of its own globals and the environment's, and goes through it key by key,
    in Python, for every `import` of macros and every context. Ours have none, so they share the environment's dict.
    """

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        return super().make_globals(d) if d else self.globals


class LeanFlask(RetryingFlask):
    """All views, hooks and handlers of this app are plain functions: none is looked at for being a coroutine."""

    jinja_environment = OneNamespace

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func
