"""Lists of invoices as pages show them: what their URL says, its links, and the answer to what changes their rows.

The same list stands on two pages: all invoices, and those of one client.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask import Response, abort, current_app, render_template, request, url_for
from werkzeug.exceptions import HTTPException

from invoices_app.clients import queries as client_queries
from invoices_app.clients.models import Client
from invoices_app.db.keyset import START, Keys, KeysetPage, Place
from invoices_app.invoices import queries
from invoices_app.invoices.figures import STATUSES, Figures, figures
from invoices_app.invoices.queries import InvoiceFilters, InvoiceRow
from invoices_app.web import htmx, pagination
from invoices_app.web.access import identity
from invoices_app.web.errors import BadAddress
from invoices_app.web.forms import search_text, uuid_or_none

ALL = "invoices.index"
OF_CLIENT = "clients.show"
CREDIT_NOTES = "credit"


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of invoices: what it shows, where in it we are, and the page that it is on."""

    filters: InvoiceFilters
    place: Place = START
    client_name: str = ""
    endpoint: str = ALL

    def url(self, **changes: Any) -> str:
        """The address of this list, from its start, with changes to what it shows or the place (cursor, upto)."""
        place = {name: changes.pop(name) for name in ("cursor", "upto") if name in changes}
        return url_for(self.endpoint, **self._values(replace(self.filters, **changes)), **place)

    def csv_url(self) -> str:
        """The address of all that this list shows as CSV."""
        return url_for("invoices.export", **_values(self.filters))

    def sort_url(self, column: str) -> str:
        """The address of this list sorted by `column`; the other way round when it is sorted by it already."""
        current = self.filters.sort
        first = f"-{column}" if column in {"date", "amount", "number"} else column
        other = column if first.startswith("-") else f"-{column}"
        return self.url(sort=other if current == first else first)

    def direction(self, column: str) -> str:
        """What `aria-sort` says of a column: ascending, descending, or nothing."""
        if self.filters.sort.removeprefix("-") != column:
            return ""
        return "descending" if self.filters.sort.startswith("-") else "ascending"

    def cursor(self, keys: Keys) -> str:
        return pagination.cursor(_kind(self.filters), keys)

    @property
    def is_filtered(self) -> bool:
        """Whether something other than the usual is shown."""
        filters = self.filters
        own_client = filters.client if self.endpoint == ALL else None
        return bool(filters.q or filters.status or own_client or filters.archived or filters.credit_notes)

    def _values(self, filters: InvoiceFilters) -> dict[str, Any]:
        values = _values(filters)
        return values if self.endpoint == ALL else {**values, "client": None, "client_id": filters.client}


@dataclass(frozen=True, slots=True)
class ListPage:
    """The rows of a page, the cursor of the next one, and whether rows before them are not on the page."""

    rows: list[InvoiceRow]
    next_cursor: str | None
    starts_late: bool
    upto: str | None


def requested(page_of: Client | None = None) -> Listing:
    """The list that the request's URL asks for: that of a client's page when `page_of` is given.

    Raises BadAddress for a status, sort or cursor that does not exist; a client of nobody is not found.
    """
    return _listing(request.args, page_of)


def _listing(args: Mapping[str, str], page_of: Client | None) -> Listing:
    status, sort = args.get("status") or None, args.get("sort") or queries.NEWEST_FIRST
    if status and status not in STATUSES:
        raise BadAddress(f"There is no such status; there are {', '.join(STATUSES)}.")
    if sort.removeprefix("-") not in queries.SORTS:
        raise BadAddress(
            f"There is no such order; there are {', '.join(queries.SORTS)}, and -date for the newest first."
        )
    client = page_of
    if client is None and (wanted := args.get("client")):
        chosen = uuid_or_none(wanted)
        client = (client_queries.client(chosen) if chosen else None) or abort(404)
    q = "" if page_of else search_text(args)
    credit_notes = _only_credit_notes(args.get("type") or None)
    filters = InvoiceFilters(status, client.id if client else None, q, args.get("archived") == "1", sort, credit_notes)
    place = pagination.place_of(_kind(filters), args)
    return Listing(filters, place, client.name if client else "", OF_CLIENT if page_of else ALL)


def _only_credit_notes(wanted: str | None) -> bool:
    if wanted not in {None, CREDIT_NOTES}:
        raise BadAddress(f"There is no such type; there is {CREDIT_NOTES} for credit notes alone.")
    return wanted is not None


def context(listing: Listing) -> dict[str, Any]:
    """All that the list's templates need; the rows alone need less, so that what follows costs less."""
    today = identity().today()
    if rows_only(listing):
        found = queries.invoice_page(listing.filters, listing.place, today)
        return {"listing": listing, "page": _page(listing, found)}
    kept = counted(listing)
    many_found = kept is None if listing.filters.q else None
    found = queries.invoice_page(listing.filters, listing.place, today, many_found=many_found)
    return {"listing": listing, "page": _page(listing, found), **counts_context(listing, kept)}


def rows_only(listing: Listing) -> bool:
    """Whether the request asks for more rows of a list that is on the page already."""
    return htmx.is_fragment() and listing.place.after is not None


def counted(listing: Listing) -> Figures | None:
    """How many invoices are where, and the money in them; None when a search finds too many to count."""
    filters, today = listing.filters, identity().today()
    return queries.search_counts(filters, today) if filters.q else figures(today, filters.client)


def counts_context(listing: Listing, kept: Figures | None) -> dict[str, Any]:
    """What the list says about all its rows, also those that are not on the page."""
    filters = listing.filters
    return {
        "counts": kept.shown(archived=filters.archived) if kept else None,
        "hidden": kept.archived[filters.status or "all"] if kept and not filters.credit_notes else None,
        "figures": kept.currencies if kept else (),
    }


def show(listing: Listing, page: str, **more: Any) -> Response:
    """The page that the list is on, or the part of it that was asked for, and the address that leads back to it."""
    shown = {**context(listing), **more}
    partial = "invoices/_list.html" if rows_only(listing) else "invoices/_results.html"
    response = htmx.render(page, partial, shown)
    if htmx.is_fragment() and not rows_only(listing):
        response.headers["HX-Replace-Url"] = listing.url()
    elif htmx.is_fragment() and (upto := shown["page"].upto):
        response.headers["HX-Replace-Url"] = listing.url(upto=upto)
    return response


def behind() -> Listing | None:
    """The list on the page that an htmx request comes from; None when there is none on it, or no such request."""
    page = htmx.page_behind()
    if page is None:
        return None
    path, args = page
    try:
        endpoint, values = current_app.url_map.bind("").match(path, "GET")
        if endpoint == ALL:
            return _listing(args, None)
        if endpoint == OF_CLIENT:
            return _listing(args, client_queries.client(values["client_id"]) or abort(404))
    except (HTTPException, ValueError):
        return None
    return None


def undo_url(archiving_id: uuid.UUID | None) -> str:
    """Where a form can take an archiving back, nowhere when there was none."""
    return url_for("invoices.undo_archiving", archiving_id=archiving_id) if archiving_id else ""


def changed(message: str, undo: str = "") -> Response:
    """Say what was done, and show the list that it was done in as it is now."""
    listing = behind()
    if listing is None:
        return htmx.done(message, htmx.wanted_url(url_for(ALL)), undo)
    body = render_template("invoices/_changed.html", notice=htmx.Notice(message, undo), **context(listing))
    return Response(body, mimetype="text/html")


def row_changed(listing: Listing, row: InvoiceRow | None, notice: htmx.Notice) -> Response:
    """Say what was done to one row of this list: it alone is shown anew, None when it is no longer in the list."""
    about_all = counts_context(listing, counted(listing))
    body = render_template("invoices/_row_changed.html", listing=listing, invoice=row, notice=notice, **about_all)
    return Response(body, mimetype="text/html")


def _page(listing: Listing, found: KeysetPage[InvoiceRow]) -> ListPage:
    last = listing.cursor(found.last_keys) if found.last_keys else None
    return ListPage(list(found.rows), last if found.has_more else None, found.starts_late, last)


def _kind(filters: InvoiceFilters) -> str:
    return f"invoices:{filters.sort}"


def _values(filters: InvoiceFilters) -> dict[str, Any]:
    """The filters as URL parameters, without those that are as usual."""
    return {
        "status": filters.status,
        "client": filters.client,
        "q": filters.q or None,
        "archived": 1 if filters.archived else None,
        "type": CREDIT_NOTES if filters.credit_notes else None,
        "sort": filters.sort if filters.sort != queries.NEWEST_FIRST else None,
    }
