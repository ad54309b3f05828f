"""Templates: all compile, and their folders are named as the blueprints are."""

from __future__ import annotations

from flask import Flask

NOT_OF_A_BLUEPRINT = {"_macros", "errors", "mail"}


def test_every_template_compiles(app: Flask) -> None:
    names = app.jinja_env.list_templates()
    assert len(names) > 20
    for name in names:
        app.jinja_env.get_template(name)


def test_folders_mirror_blueprints(app: Flask) -> None:
    folders = {name.partition("/")[0] for name in app.jinja_env.list_templates() if "/" in name}
    assert folders - NOT_OF_A_BLUEPRINT <= set(app.blueprints)


def test_partials_and_pages_are_told_apart(app: Flask) -> None:
    """A page extends a base; a partial, named with an underscore, never does."""
    loader = app.jinja_env.loader
    assert loader is not None
    for name in app.jinja_env.list_templates():
        source, _, _ = loader.get_source(app.jinja_env, name)
        is_page = "/" in name and not name.rpartition("/")[2].startswith("_") and not name.startswith("_")
        assert ("{% extends" in source) == is_page, name
