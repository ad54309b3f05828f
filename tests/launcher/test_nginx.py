"""The program behind Debian's nginx, with the very configuration that docs/operations.md gives."""

from __future__ import annotations

import re
import shutil
import ssl
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from invoices_app.db.processes import wait_until
from invoices_app.launcher.environment import PROJECT_ROOT
from tests.journeys.pages import PASSWORD, Visitor
from tests.launcher.conftest import Launch, free_port
from tests.launcher.test_life import login
from tests.support import plain_http
from tests.support.databases import SECRET_KEY, Database, ServerUrls

NAME = "books.example.com"
AROUND = """
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {server}
}}
"""


@dataclass
class Site:
    """The site as the world sees it, and what stands behind it."""

    url: str
    tls: ssl.SSLContext
    database: Database
    direct_port: int
    log: Path

    def visitor(self, **headers: str) -> Visitor:
        """A browser at the site; it knows the name's address, and sends the headers that browsers send."""
        visitor = Visitor(self.url)
        visitor.client = httpx.Client(
            base_url=self.url,
            verify=self.tls,
            follow_redirects=True,
            headers={"Referer": f"{self.url}/", "Origin": self.url, **headers},
            transport=ByName(self.tls),
        )
        return visitor


class ByName(httpx.HTTPTransport):
    """As if the site's name stood in the DNS."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        super().__init__(verify=tls)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url, extensions = request.url.copy_with(host="127.0.0.1"), {**request.extensions, "sni_hostname": NAME}
        sent = httpx.Request(request.method, url, headers=request.headers, stream=request.stream, extensions=extensions)
        return super().handle_request(sent)


def certificate(folder: Path) -> tuple[Path, Path]:
    key, cert = folder / "privkey.pem", folder / "fullchain.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    subject = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
    subprocess.run([*command, *subject, "-keyout", key, "-out", cert], check=True, capture_output=True)
    return key, cert


def documented_server(port: int, upstream: int, key: Path, cert: Path) -> str:
    """The block in our documentation, with ports and files of this test."""
    text = (PROJECT_ROOT / "docs" / "operations.md").read_text()
    (block,) = re.findall(r"```nginx\n(.*?)```", text, re.DOTALL)
    for before, after in (
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("/etc/letsencrypt/live/books.example.com/fullchain.pem", str(cert)),
        ("/etc/letsencrypt/live/books.example.com/privkey.pem", str(key)),
        ("127.0.0.1:8000", f"127.0.0.1:{upstream}"),
    ):
        assert before in block
        block = block.replace(before, after)
    return block


@pytest.fixture(scope="module")
def site(launch: Launch, open_folder: Path, server: ServerUrls, worker: str) -> Iterator[Site]:
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    assert nginx, "nginx is not installed (make test does it)"
    database = server.make_database(f"proxied_{worker}")
    launcher = launch(
        DATA_DIR=str(open_folder / "proxied"),
        DATABASE_URL=login(database.owner_url),
        SECRET_KEY=SECRET_KEY,
        TRUSTED_PROXIES="1",
        LOG_FORMAT="json",
    )
    folder, port = open_folder / "nginx", free_port()
    folder.mkdir()
    key, cert = certificate(folder)
    block = documented_server(port, launcher.port, key, cert)
    (folder / "nginx.conf").write_text(AROUND.format(folder=folder, server=block))
    launcher.wait_until_up()
    with subprocess.Popen([nginx, "-c", folder / "nginx.conf"], stderr=subprocess.DEVNULL) as process:
        tls = ssl.create_default_context(cafile=str(cert))
        assert wait_until(lambda: (folder / "pid").exists() or process.poll() is not None, 10)
        yield Site(f"https://{NAME}:{port}", tls, database, launcher.port, launcher.err)
        process.terminate()
        process.wait(10)
    assert launcher.end() == 0
    server.drop_database(database)


@pytest.mark.parametrize("prefix", ["", "/books"])
def test_a_person_can_work_through_it(site: Site, prefix: str) -> None:
    """Addresses on pages, in redirects and of files keep the prefix; forms pass their check over TLS."""
    with site.visitor() as visitor:
        form = visitor.open(f"{prefix}/register").form(f"{prefix}/register")
        person = {"name": "Ada", "email": f"{uuid.uuid4().hex}@example.com", "password": PASSWORD}
        page = visitor.send(form, **person, business_name="Proxied Ltd")
        assert page.url == f"{site.url}{prefix}/"
        addresses = {str(found.get("href") or found.get("src") or found.get("action")) for found in page.elements}
        assert all(a == "None" or a.startswith((f"{prefix}/", "#")) for a in addresses)
        asset = next(a for a in addresses if "/js/app.js" in a)
        assert "immutable" in visitor.client.get(f"{site.url}{asset}").headers["Cache-Control"]
        form = page.form("/logout")
        assert form.action == f"{prefix}/logout"
        out = visitor.client.post(f"{site.url}{form.action}", data=form.values)
        assert str(out.url) == f"{site.url}{prefix}/login"
        answer = visitor.client.get(f"{prefix}/clients")
        assert str(answer.url) == f"{site.url}{prefix}/login?next=/clients"
        assert answer.headers["Strict-Transport-Security"]


def test_the_address_is_the_visitors_own(site: Site) -> None:
    """Not the proxy's, and not one that the visitor claims to have."""
    email = f"{uuid.uuid4().hex}@example.com"
    with site.visitor(**{"X-Forwarded-For": "203.0.113.66", "X-Real-IP": "203.0.113.66"}) as visitor:
        visitor.register("Addressed Ltd", email)
    address = "SELECT host(ip_address::inet) FROM user_sessions JOIN users ON users.id = user_id WHERE email = %s"
    assert site.database.value(address, email) == "127.0.0.1"


@pytest.mark.parametrize(
    ("name", "value"),
    [("X-Forwarded-Host", "evil.example"), ("X-Forwarded-Proto", "http"), ("X-Forwarded-Prefix", "//evil.example")],
)
def test_nothing_else_can_be_claimed(site: Site, name: str, value: str) -> None:
    with site.visitor(**{name: value}) as visitor:
        answer = visitor.client.get("/clients", follow_redirects=False)
    assert answer.headers["Location"] == "/login?next=/clients"
    assert answer.headers["Strict-Transport-Security"]
    assert "evil" not in answer.text


def test_one_id_leads_through_both_logs(site: Site) -> None:
    """nginx names the request; a name that the visitor gives counts for nothing."""
    with site.visitor(**{"X-Request-ID": "chosen-by-the-visitor"}) as visitor:
        request_id = visitor.client.get("/login").headers["X-Request-ID"]
    assert re.fullmatch(r"[0-9a-f]{32}", request_id)
    assert wait_until(lambda: request_id in site.log.read_text(), 5)
    assert "chosen" not in site.log.read_text()


@pytest.mark.parametrize(
    ("given", "taken"), [("abc-123_DEF", True), ("short", False), ("x" * 65, False), ("a b'\"<>", False)]
)
def test_what_the_proxy_calls_a_request_is_checked(site: Site, given: str, taken: bool) -> None:  # noqa: FBT001
    answer = plain_http.get(f"http://127.0.0.1:{site.direct_port}/login", headers={"X-Request-ID": given})
    assert (answer.headers["X-Request-ID"] == given) == taken
