"""The floor: Flask, Jinja and one prepared psycopg query for the same rows and as many bytes, and nothing else.

No session, no tenant but a parameter, no forms, no headers, no log. Served as our app is: the same server, as many
processes and threads. Run as `python -m tests.bench.floor`; BENCH_DATABASE says where.

It also bumps a number counter, which tells what HTTP alone leaves of the counter's rate.
"""

from __future__ import annotations

import os
import threading
from typing import Any

import psycopg
from flask import Flask, render_template_string, request
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from invoices_app.config import WORKER_THREADS
from invoices_app.launcher.environment import LAUNCHER_DEFAULTS

LIST = """
    SELECT number, client_name, reference, issue_date, due_date, status, total, amount_due, currency
    FROM (
        (SELECT * FROM invoices WHERE business_id = %(b)s AND shelf = 0 ORDER BY issue_date DESC, id DESC LIMIT 26)
        UNION ALL
        (SELECT * FROM invoices WHERE business_id = %(b)s AND shelf = 1 ORDER BY issue_date DESC, id DESC LIMIT 26)
        UNION ALL
        (SELECT * FROM invoices WHERE business_id = %(b)s AND shelf = 2 ORDER BY issue_date DESC, id DESC LIMIT 26)
    ) AS shown
    ORDER BY issue_date DESC, id DESC LIMIT 26
"""
HEADER = "SELECT * FROM invoices WHERE business_id = %(b)s AND id = %(i)s"
LINES = "SELECT * FROM line_items WHERE business_id = %(b)s AND invoice_id = %(i)s ORDER BY position"
COUNT = """
    UPDATE number_counters SET next_seq = next_seq + 1 WHERE business_id = %(b)s AND series = %(s)s RETURNING next_seq
"""

ROWS = """<!doctype html><title>Invoices</title><table>
{% for row in rows %}<tr>{% for value in row %}<td>{{ value }}</td>{% endfor %}</tr>
{% endfor %}</table><p>{{ rest }}</p>"""
SHEET = """<!doctype html><title>{{ header[9] }}</title><h1>{{ header[9] }}</h1><table>
{% for row in rows %}<tr>{% for value in row %}<td>{{ value }}</td>{% endfor %}</tr>
{% endfor %}</table><p>{{ rest }}</p>"""

app = Flask(__name__)
_threads = threading.local()


def _ask(query: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    """All rows, by a statement that is prepared, on the thread's own connection."""
    if not hasattr(_threads, "connection"):
        _threads.connection = psycopg.connect(os.environ["BENCH_DATABASE"], autocommit=True)
    return _threads.connection.execute(query, values, prepare=True).fetchall()


@app.get("/list/<business>")
def rows(business: str) -> str:
    return _page(ROWS, rows=_ask(LIST, {"b": business}))


@app.get("/invoice/<business>/<invoice>")
def sheet(business: str, invoice: str) -> str:
    values = {"b": business, "i": invoice}
    (header,) = _ask(HEADER, values)
    return _page(SHEET, header=header, rows=_ask(LINES, values))


@app.post("/count/<business>/<series>")
def count(business: str, series: str) -> str:
    ((number,),) = _ask(COUNT, {"b": business, "s": series})
    return str(number)


def _page(template: str, **values: Any) -> str:
    return render_template_string(template, rest="x" * int(request.args["rest"]), **values)


def main() -> None:
    Granian(
        "tests.bench.floor:app",
        address="127.0.0.1",
        port=int(os.environ["PORT"]),
        interface=Interfaces.WSGI,
        workers=int(os.environ.get("WEB_CONCURRENCY") or LAUNCHER_DEFAULTS["WEB_CONCURRENCY"]),
        blocking_threads=WORKER_THREADS,
        websockets=False,
        log_level=LogLevels.warning,
    ).serve()


if __name__ == "__main__":
    main()
