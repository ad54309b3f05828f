"""What tests of imports share."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.support.people import Person, make_owner


@pytest.fixture
def empty(app: Flask) -> Person:
    """The owner of a business without anything."""
    return make_owner(app, "Eve Empty", "Empty Ltd")
