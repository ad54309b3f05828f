"""`python -m tests.scan --minutes 15`: sqlmap and wapiti against a server of our own, signed in as an owner.

Both come as Debian packages. Exit code 1 when the server answered 5xx, logged an error, another business's rows
changed, or sqlmap found an injection. What else they claim is printed, to be judged by a person; their logs stay in
the folder given as `--out`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from urllib.parse import urlencode

from flask import Flask

from invoices_app import create_app
from tests.support import live
from tests.support.databases import Database, TestServer
from tests.support.furnish import furnish
from tests.support.people import Person, make_owner
from tests.support.walk import Offer, Walk
from tests.whole_app.test_isolation import rows_of

COOKIE = "invoices_session"
WAPITI_MODULES = "backup,blindsql,cookieflags,crlf,csp,csrf,exec,file,http_headers,permanentxss,redirect,sql,xss"
"""All that ask nobody but the server itself and suit it."""

WAPITI = r"""
import re
compiled = re.compile
def late_flags_first(pattern, flags=0):
    if isinstance(pattern, str) and pattern.endswith(r"\Z(?ms)"):
        return compiled(pattern.removesuffix("(?ms)"), flags | re.M | re.S)
    return compiled(pattern, flags)
re.compile = late_flags_first
from wapitiCore.main.wapiti import wapiti_main
wapiti_main()
"""
"""Wapiti 3.0.4 writes the patterns of `-x` in a way that Python 3.11 has ended."""

EXCLUDED = ("/logout", "/settings/account/sessions/*", "/settings/account/password", "/businesses/*")
"""What ends the scanner's own session."""

NOBODY_ELSE = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "no_proxy": "127.0.0.1"}
"""Wapiti would fetch lists from the web: it reaches the server that it scans, and no other."""

LONGEST_OFFER_SECONDS = 120.0


@dataclass
class Target:
    """The running server, and who looks at it."""

    base_url: str
    cookie: str
    offers: list[Offer]
    out: Path

    def wapiti(self, seconds: float) -> None:
        """Crawl from the start page and attack what is found."""
        command = ["/usr/bin/python3", "-c", WAPITI, "-u", f"{self.base_url}/", "-H", f"Cookie: {COOKIE}={self.cookie}"]
        command += ["-H", "Accept-Encoding: gzip"]  # it asks for Brotli and cannot read it
        command += ["-m", WAPITI_MODULES, "--no-bugreport"]
        command += ["--max-scan-time", str(seconds / 3), "--max-attack-time", str(seconds / 15), "-S", "normal"]
        command += ["--max-links-per-page", "40", "-d", "4", "-f", "json", "-o", str(self.out / "wapiti.json")]
        command += ["--store-session", str(self.out / "wapiti"), "--flush-session", "-v", "1"]
        for path in EXCLUDED:
            command += ["-x", self.base_url + path]
        with (self.out / "wapiti.log").open("w") as log:
            self._run(command, log, seconds)

    def sqlmap(self, seconds: float) -> Counter[str]:
        """Every parameter and field of everything that the pages offer to send, one offer after the other."""
        ends, counts = time.monotonic() + seconds, Counter[str]()
        with (self.out / "sqlmap.log").open("w") as log:
            for offer in self.offers:
                left = min(ends - time.monotonic(), LONGEST_OFFER_SECONDS)
                if left <= 0:
                    counts["not tried for want of time"] += 1
                    continue
                finished = self._run(self._sqlmap_command(offer), log, left)
                counts["tried whole" if finished else "tried in part"] += 1
        return counts

    def _sqlmap_command(self, offer: Offer) -> list[str]:
        sent = urlencode(offer.fields)
        url = self.base_url + offer.url
        aim = ["-u", f"{url}?{sent}"] if offer.method == "GET" else ["-u", url, "--data", sent]
        options = ["--batch", "--dbms=postgresql", "--technique=BEU", "--level=1", "--ignore-redirects", "--retries=0"]
        options += [
            "--skip=csrf_token",
            "--cookie",
            f"{COOKIE}={self.cookie}",
            "--output-dir",
            str(self.out / "sqlmap"),
        ]
        # Refusals are answers, too: sqlmap would stop at a 400 or 404 otherwise.
        return ["sqlmap", *aim, *options, "--ignore-code=400,401,403,404,409,422"]

    def _run(self, command: list[str], log: object, seconds: float) -> bool:
        environment = {**os.environ, "HOME": str(self.out), "XDG_DATA_HOME": str(self.out), **NOBODY_ELSE}
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment, cwd=self.out)  # type: ignore[call-overload]
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.terminate()
            process.wait()
            return False
        return True


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.scan", description=__doc__)
    parser.add_argument("--minutes", type=float, default=15, help="for both scanners together")
    parser.add_argument("--out", type=Path, default=Path("var/scan"), help="what they write goes here")
    chosen = parser.parse_args()
    missing = [name for name in ("sqlmap", "wapiti") if shutil.which(name) is None]
    if missing:
        print(f"Install {' and '.join(missing)} first: apt-get install {' '.join(missing)}", file=sys.stderr)
        return 2
    out = chosen.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    server = TestServer()
    urls = server.start()
    try:
        return scan(urls.make_database("scan"), out, chosen.minutes * 60)
    finally:
        server.stop()


def scan(database: Database, out: Path, seconds: float) -> int:
    app = create_app(database.settings)
    attacker, bystander = (make_owner(app, name, f"{name} Ltd") for name in ("Sheila Scanner", "Ben Bystander"))
    for person in (attacker, bystander):
        furnish(person, person.name)
    offers = offers_of(app, attacker)
    before = rows_of(database, bystander.business_id)
    log = out / "server.log"
    with log.open("wb") as errors:
        os.dup2(errors.fileno(), sys.stderr.fileno())  # the server's log, which it inherits
    with live.running(database, LOG_FORMAT="json", LOG_LEVEL="INFO") as running:
        target = Target(running.base_url, cookie_of(attacker), offers, out)
        target.wapiti(seconds * 0.4)
        counts = target.sqlmap(seconds * 0.6)
    untouched = rows_of(database, bystander.business_id) == before
    return report(out, log, counts, untouched=untouched)


def offers_of(app: Flask, person: Person) -> list[Offer]:
    """What the pages offer, those that change least first."""
    walk = Walk(app, person.signed_in_browser())
    walk.run()
    worth = [offer for offer in walk.offers.values() if offer.fields and not ends_session(offer.url)]
    return sorted(worth, key=lambda offer: (offer.method, len(offer.fields), offer.rule))


def ends_session(url: str) -> bool:
    return any(fnmatch(url, pattern) for pattern in EXCLUDED)


def cookie_of(person: Person) -> str:
    browser = person.signed_in_browser()
    browser.get("/clients")
    cookie = browser.get_cookie(COOKIE)
    assert cookie is not None
    return str(cookie.value)


def report(out: Path, log: Path, counts: Counter[str], *, untouched: bool) -> int:
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    requests = [line for line in lines if line["event"] == "request"]
    statuses = Counter(line["status"] for line in requests)
    print(f"requests: {len(requests)}, signed in: {sum('user' in line for line in requests)}")
    wrong = [line for line in lines if line["level"] in {"error", "critical"}]
    print(f"by status: {dict(sorted(statuses.items()))}")
    print(f"errors logged: {len(wrong)}; the other business is untouched: {untouched}")
    for line in wrong[:10]:
        print(json.dumps(line)[:2000])
    print(f"sqlmap, offers: {dict(counts)}")
    told = (out / "sqlmap.log").read_text(errors="replace")
    print(f"sqlmap, taken back by itself: {told.count('false positive or unexploitable injection point detected')}")
    kept = [line for line in told.splitlines() if line.startswith(("Parameter: ", "    Payload: "))]
    print("\n".join(dict.fromkeys(kept)) or "sqlmap, found: nothing")
    found = json.loads((out / "wapiti.json").read_text()) if (out / "wapiti.json").exists() else {}
    for kind in ("vulnerabilities", "anomalies"):
        for name, claims_of in found.get(kind, {}).items():
            if claims_of:
                print(f"wapiti, {kind}: {name}: {len(claims_of)}, such as {claims_of[0]['info']}")
    bad = wrong or kept or any(status >= 500 for status in statuses) or not untouched
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
