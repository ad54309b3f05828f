"""The context of the document's page and of its fragments: one builder for both."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, TypeVar

from flask import Response, abort, request, url_for
from wtforms import Field

from invoices_app.clients.queries import client_options
from invoices_app.invoices import document as documents
from invoices_app.invoices import series
from invoices_app.invoices.document import Document, Sheet, document
from invoices_app.invoices.document_rows import DocumentLine
from invoices_app.invoices.drafts import ARCHIVED, FROZEN
from invoices_app.invoices.edits import Origin
from invoices_app.invoices.forms import (
    AddLineForm,
    CorrectForm,
    EditHeaderForm,
    EditLineForm,
    PasteForm,
    PayForm,
    TotalsForm,
)
from invoices_app.results import Conflict, Invalid
from invoices_app.web import errors, htmx
from invoices_app.web.access import identity
from invoices_app.web.forms import BaseForm, uuid_or_none

ACTIONS = "invoices/_actions.html"
EDITED = "invoices/_edit_answer.html"
LONGEST_REVISION = 9

AnyForm = TypeVar("AnyForm", bound=BaseForm)


@dataclass(frozen=True, slots=True)
class ClashField:
    """A field that two people changed: what the person sent and what is stored, as text; `value` goes into a form."""

    name: str
    label: str
    mine: str
    theirs: str
    value: str


@dataclass(frozen=True, slots=True)
class Clash:
    """An edit that came too late, to choose from: of the line `line_id`, or of the header when that is None.

    `action` takes the person's values, with `version`; the line is gone when `gone`.
    """

    message: str
    fields: Sequence[ClashField]
    action: str
    version: int | None = None
    line_id: uuid.UUID | None = None
    gone: bool = False

    @property
    def of_header(self) -> bool:
        return self.line_id is None

    @property
    def target(self) -> str:
        if self.gone:
            return "closest .clash"
        return "#invoice-header" if self.of_header else f"#line-{self.line_id}"


@dataclass(frozen=True, slots=True)
class Numbering:
    """The number that a draft would get if it were issued now, and those of the other series that it could take.

    A hint, never a promise. `choices` are codes with numbers; the usual series has none, so that a draft follows when
    another one becomes the usual one.
    """

    number: str
    choices: Sequence[tuple[str, str]]

    @classmethod
    def of(cls, shown: Document) -> Numbering:
        usual, *others = series.every(shown.issue_date)
        choices = [("", usual), *((one.code, one) for one in others)]
        numbers = [(code, one.number(shown.issue_date)) for code, one in choices]
        return cls(dict(numbers).get(shown.wanted_series or "", numbers[0][1]), numbers)


def origin() -> Origin:
    """The open page that this request comes from, as its script names it in two headers of its own."""
    return Origin(identity().today(), uuid_or_none(request.headers.get("Sheet-Page")), known_revision())


def known_revision() -> int | None:
    """The revision of the draft that the page behind a request shows, by a header or a field; None without either."""
    seen = request.headers.get("Sheet-Revision") or request.form.get("revision", "")
    return int(seen) if seen.isascii() and seen.isdigit() and len(seen) <= LONGEST_REVISION else None


def document_or_404(invoice_id: uuid.UUID) -> Document:
    """The document of this business with that id; anything else is not found."""
    return document(invoice_id, identity().today()) or abort(404)


def draft_or_refuse(invoice_id: uuid.UUID) -> Document:
    """The document, when it can be edited; otherwise the reason why not is the answer to this request."""
    return _editable(document_or_404(invoice_id))


def line_or_refuse(invoice_id: uuid.UUID, line_id: uuid.UUID) -> tuple[Document, DocumentLine | None]:
    """The document and one of its lines, None when it is not there: for a fragment, the document holds nothing else."""
    if htmx.is_fragment():
        found = documents.documents([invoice_id], identity().today(), [line_id])
        shown = _editable(found[0] if found else abort(404))
    else:
        shown = draft_or_refuse(invoice_id)
    return shown, next((line for line in shown.lines if line.id == line_id), None)


class Forms:
    """The forms of a document's page, each made when a template asks for it first, since an answer shows few of them.

    `refused` is shown in place of the fresh one; when it is a line's form, it is that of `line_id`.
    """

    def __init__(self, shown: Document, refused: BaseForm | None = None, line_id: uuid.UUID | None = None) -> None:
        self._shown, self._refused, self._line_id = shown, refused, line_id

    @cached_property
    def header(self) -> EditHeaderForm:
        form = self._form(EditHeaderForm, self._shown)
        if htmx.is_fragment():  # with a script, clients are found by typing
            form.client_id.options = [(str(self._shown.client_id), self._shown.buyer.name)]
        else:
            form.offer_clients(self._shown.client_id, every="every-client" in request.args)
        return form

    @cached_property
    def totals(self) -> TotalsForm:
        return self._form(TotalsForm, self._shown)

    def line(self, line: DocumentLine) -> EditLineForm:
        return self._form(EditLineForm, line) if line.id == self._line_id else EditLineForm(obj=line)

    @cached_property
    def new_line(self) -> AddLineForm:
        return self._form(AddLineForm)

    @cached_property
    def paste(self) -> PasteForm:
        return self._form(PasteForm)

    @cached_property
    def pay(self) -> PayForm:
        return self._form(PayForm)

    @cached_property
    def correct(self) -> CorrectForm:
        return self._form(CorrectForm)

    def _form(self, kind: type[AnyForm], shown: object = None) -> AnyForm:
        """The form of this kind that was refused, else a fresh one with what is `shown`."""
        return self._refused if isinstance(self._refused, kind) else kind(obj=shown)


def document_context(
    shown: Document, refused: BaseForm | None = None, line_id: uuid.UUID | None = None
) -> dict[str, Any]:
    """All that the document's templates need. A form that was `refused` is shown again, a line's in `line_id`."""
    return {
        "document": shown,
        "editable": shown.editable and identity().may_write,
        "on_screen": True,
        "forms": Forms(shown, refused, line_id),
    }


def show_document(part: str, context: dict[str, Any], status: int = 200) -> Response:
    """The document's page, or the part of it that htmx swaps."""
    shown: Document = context["document"]
    if context["editable"]:
        context = context | {"numbering": partial(Numbering.of, shown)}  # read where the head is shown
    return htmx.render("invoices/show.html", part, context, status)


def show_edit(
    sheet: Sheet, own: uuid.UUID | None = None, notice: htmx.Notice | None = None, *, of_header: bool = False
) -> Response:
    """The answer to an edit that was made: for htmx what has changed, the line `own` first, else the page."""
    if not htmx.is_fragment():
        return htmx.go_to(url_for("invoices.show", invoice_id=sheet.document.id))
    context = document_context(sheet.document) | {"sheet": sheet, "own": own, "of_header": of_header}
    if notice is not None:
        context["notice"] = notice
    return show_document("invoices/_header_answer.html" if of_header else EDITED, context)


def show_line_clash(invoice_id: uuid.UUID, line_id: uuid.UUID, form: EditLineForm, conflict: Conflict) -> Response:
    """Both versions of a line to choose from; of a line that is gone, what the person wrote."""
    shown, line = line_or_refuse(invoice_id, line_id)
    theirs = EditLineForm(obj=line) if line else None
    action = "invoices.change_line" if line else "invoices.put_line_back"
    clash = Clash(
        conflict.message,
        [
            ClashField(field.name, label(field), text(field), text(theirs[field.name]) if theirs else "", text(field))
            for field in form.fields_of_line()
            if theirs is None or field.data != theirs[field.name].data
        ],
        url_for(action, invoice_id=invoice_id, line_id=line_id),
        line.version if line else None,
        line_id,
        gone=line is None,
    )
    sheet = Sheet(shown, {}, set(), whole=False, header=False)
    return show_document(EDITED, document_context(shown) | {"sheet": sheet, "own": line_id, "clash": clash}, 409)


def show_header_clash(invoice_id: uuid.UUID, form: EditHeaderForm, conflict: Conflict) -> Response:
    """Both versions of the header to choose from."""
    shown = header_or_refuse(invoice_id)
    theirs = EditHeaderForm(obj=shown)
    clash = Clash(
        conflict.message,
        [
            ClashField(field.name, label(field), _told(field), _told(theirs[field.name]), text(field))
            for field in form.sent()
            if field.data != theirs[field.name].data
        ],
        url_for("invoices.update", invoice_id=invoice_id),
        shown.version,
    )
    sheet = Sheet(shown, {}, set(), whole=False, header=False)
    context = document_context(shown) | {"sheet": sheet, "own": None, "clash": clash}
    return show_document("invoices/_header_answer.html", context, 409)


def header_or_refuse(invoice_id: uuid.UUID) -> Document:
    """The document, when it can be edited; for a fragment without its lines."""
    if not htmx.is_fragment():
        return draft_or_refuse(invoice_id)
    found = documents.documents([invoice_id], identity().today(), ())
    return _editable(found[0] if found else abort(404))


def label(field: Field) -> str:
    return str(field.label.text)


def text(field: Any) -> str:
    """A field as it stands in its input."""
    return str(field._value())  # noqa: SLF001  (WTForms has no other name for it)


def _told(field: Field) -> str:
    """A header field as people read it: a client by name, no series as the usual one."""
    if field.name == "client_id" and field.data:
        return dict(client_options(field.data)).get(str(field.data), "")
    if field.name == "wanted_series" and not field.data:
        return "the usual one"
    return text(field)


def _editable(shown: Document) -> Document:
    if not shown.editable:
        abort(errors.answer(Invalid.because(ARCHIVED if shown.archived else FROZEN)))
    return shown
