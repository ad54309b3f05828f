"""Static files: fingerprinted, immutable, compressed; vendored ones are what their table says they are."""

from __future__ import annotations

import gzip
import hashlib
import re

import pytest
from flask import Flask

from invoices_app.web import assets


@pytest.fixture
def app() -> Flask:
    app = Flask(__name__, static_folder=None)
    assets.init_assets(app)
    return app


def address(app: Flask, name: str, prefix: str = "/") -> str:
    with app.test_request_context("/", base_url=f"http://localhost{prefix}"):
        return assets.asset(name)


def test_an_address_changes_with_the_content_and_keeps_the_prefix(app: Flask) -> None:
    assert re.fullmatch(r"/static/css/app\.css\?v=[0-9a-f]{8}", address(app, "css/app.css"))
    assert address(app, "css/app.css", "/books/").startswith("/books/static/css/app.css?v=")


def test_current_address_is_immutable_any_other_is_not(app: Flask) -> None:
    client = app.test_client()
    assert "immutable" in client.get(address(app, "css/app.css")).headers["Cache-Control"]
    stale = client.get("/static/css/app.css?v=0123456789ab")
    assert stale.status_code == 200
    assert stale.headers["Cache-Control"] == "no-cache"
    again = client.get("/static/css/app.css", headers={"If-None-Match": stale.headers["ETag"]})
    assert again.status_code == 304


def test_scripts_keep_their_lines_but_not_their_comments(app: Flask) -> None:
    sent = app.test_client().get("/static/js/app.js").get_data(as_text=True).splitlines()
    written = (assets.STATIC_FOLDER / "js" / "app.js").read_text(encoding="utf-8").splitlines()
    assert sent == ["" if line.lstrip().startswith("//") else line for line in written]
    assert sent != written


def test_compressed_for_those_who_take_it(app: Flask) -> None:
    client = app.test_client()
    plain = client.get("/static/css/app.css")
    zipped = client.get("/static/css/app.css", headers={"Accept-Encoding": "gzip, br"})
    assert "Content-Encoding" not in plain.headers
    assert gzip.decompress(zipped.data) == plain.data


@pytest.mark.parametrize("name", ["nothing.css", "../pyproject.toml", "css/../../pyproject.toml", "css", ""])
def test_nothing_outside_the_folder_is_served(app: Flask, name: str) -> None:
    assert app.test_client().get(f"/static/{name}").status_code == 404


def test_a_wrong_name_in_a_template_fails_loudly(app: Flask) -> None:
    with pytest.raises(FileNotFoundError):
        address(app, "css/nothing.css")


def test_vendored_files_match_their_checksums() -> None:
    folder = assets.STATIC_FOLDER / "vendor"
    table = (folder / "README.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| (\S+) \|.*\| ([0-9a-f]{64}) \|$", table, re.MULTILINE))
    there = {file.name for file in folder.iterdir()} - {"README.md"}
    assert there == set(listed)
    for name, checksum in listed.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == checksum


SHEETS = ("app", "document", "editor", "dashboard", "settings")


def test_weight_of_what_every_page_loads() -> None:
    """Gzipped budgets of design: CSS 7 KB on a list, our script 5 KB; a page may have a sheet of its own besides."""
    sizes = {
        name: len(found.zipped or b"")
        for name in (*(f"css/{sheet}.css" for sheet in SHEETS), "js/app.js")
        if (found := assets.read_asset(name))
    }
    assert sizes["css/app.css"] < 7 * 1024
    for sheet in SHEETS[1:]:
        assert sizes[f"css/{sheet}.css"] < 4 * 1024
    assert sizes["js/app.js"] < 5 * 1024
