"""The number series of the business, how each counts, and what became of its numbers."""

from __future__ import annotations

from typing import Any

from flask import Response, abort, request, url_for
from wtforms import BooleanField

from invoices_app.invoices import rules, series, series_actions
from invoices_app.invoices.blueprint import blueprint
from invoices_app.invoices.models import NUMBER_LENGTH, SERIES_LENGTH
from invoices_app.invoices.series import Series
from invoices_app.invoices.series_actions import SeriesValues
from invoices_app.results import Conflict, Invalid, Ok
from invoices_app.web import errors, htmx
from invoices_app.web.access import identity, owners, readers
from invoices_app.web.forms import BaseForm, ParsedField, PlainTextField, VersionField, WholeNumberField

NEW = Series("", "", yearly=True, is_default=False, next_seq=1, version=1)


class CodeField(ParsedField):
    """The short name of a series: letters, digits and dashes, in capitals."""

    def parse(self, text: str) -> str:
        if len(text) > SERIES_LENGTH or not text.replace("-", "a").isalnum() or not text.isascii():
            raise ValueError(f"Use at most {SERIES_LENGTH} letters, digits and dashes, such as EXPORT.")
        return text.upper()


class SeriesForm(BaseForm):
    pattern = PlainTextField(
        "Pattern", max_length=NUMBER_LENGTH, needed="Write how numbers look, such as INV-{seq:04}."
    )
    yearly = BooleanField("Start again at 1 each year")
    next_seq = WholeNumberField("Next number", low=1, high=rules.MAX_SEQ)
    is_default = BooleanField("New invoices take their number from here")

    def values(self) -> SeriesValues:
        return SeriesValues(
            str(self.pattern.data), bool(self.yearly.data), bool(self.is_default.data), self.next_seq.data
        )


class NewSeriesForm(SeriesForm):
    code = CodeField("Name", needed="Enter a short name, such as EXPORT.")


class EditSeriesForm(SeriesForm):
    version = VersionField()


@blueprint.get("/settings/numbers")
@owners
def series_settings() -> Response:
    return _page()


@blueprint.get("/settings/numbers/preview")
@owners
def series_preview() -> Response:
    form = SeriesForm(request.args)
    known = next((one for one in series.every(identity().today()) if one.code == request.args.get("of")), NEW)
    context = {"preview": preview(form, known), "code": known.code or "new"}
    return htmx.render("invoices/series_preview.html", "invoices/_series_preview.html", context)


@blueprint.post("/settings/numbers")
@owners
def add_series() -> Response:
    form = NewSeriesForm(request.form)
    if not form.validate():
        return _page(form, status=422)
    match series_actions.add_series(form.code.data, form.values(), identity().today()):
        case Ok(code):
            return htmx.done(f"Series {code} added.", url_for("invoices.series_settings"))
        case Invalid(problems):
            form.add_errors(problems)
            return _page(form, status=422)
        case refusal:
            return errors.answer(refusal)


@blueprint.post("/settings/numbers/<code>")
@owners
def change_series(code: str) -> Response:
    if all(one.code != code for one in series.every(identity().today())):
        abort(404)
    form = EditSeriesForm(request.form)
    if not form.validate():
        return _page(changed=(code, form), status=422)
    match series_actions.change_series(code, form.values(), form.version.data, identity().today()):
        case Ok():
            return htmx.done(f"Series {code} saved.", url_for("invoices.series_settings"))
        case Invalid(problems):
            form.add_errors(problems)
            return _page(changed=(code, form), status=422)
        case Conflict(message):
            form.form_errors.append(message)
            return _page(changed=(code, form), status=409)
        case refusal:
            return errors.answer(refusal)


@blueprint.get("/invoices/numbers")
@readers
def numbers() -> Response:
    context = {"reports": series.reports(identity().today()), "most": series.GAPS_SHOWN}
    return htmx.render("invoices/numbers.html", "invoices/numbers.html", context)


def preview(form: SeriesForm, known: Series) -> str:
    """What the next numbers would be if the form were saved; or why there would be none."""
    if not form.pattern.data:
        return ""
    if not form.validate():
        return " ".join(str(sentence) for field in form for sentence in field.errors)
    values, today = form.values(), identity().today()
    problem = rules.pattern_problem(values.pattern, yearly=values.yearly)
    if problem is not None:
        return problem
    first = values.next_seq or known.next_seq
    shown = [rules.format_number(values.pattern, seq, today) for seq in (first, first + 1)]
    if values.yearly:
        new_year = today.replace(year=today.year + 1, month=1, day=1)
        shown.append(f"in {new_year.year} {rules.format_number(values.pattern, 1, new_year)}")
    return f"Next: {', '.join(shown)}"


def _page(
    new: NewSeriesForm | None = None, *, changed: tuple[str, EditSeriesForm] | None = None, status: int = 200
) -> Response:
    """The settings, with a form that was refused in its place; each with what it comes to."""
    known = series.every(identity().today())
    forms: dict[str, EditSeriesForm] = {one.code: _form_of(one) for one in known}
    if changed is not None:
        code, form = changed
        if status == 409:  # what they made of it stands beside the field; sending again means it
            stored = next(one for one in known if one.code == code)
            form.pattern.errors = [*form.pattern.errors, f"Now it is {stored.pattern}."]
            form.version.data = stored.version
        forms[code] = form
    new_form = new or NewSeriesForm(data={"yearly": True})
    every_form: list[tuple[str, SeriesForm]] = [*forms.items(), ("new", new_form)]
    for code, one_form in every_form:
        for field in one_form:
            field.id = f"{code}-{field.name}"
    context: dict[str, Any] = {
        "known": [(one, forms[one.code], _words(forms[one.code], one)) for one in known],
        "new_form": new_form,
        "new_preview": _words(new_form, NEW),
        "refused": new if new is not None else changed[1] if changed else None,
    }
    return htmx.render("invoices/series.html", "invoices/series.html", context, status)


def _form_of(one: Series) -> EditSeriesForm:
    values = {"pattern": one.pattern, "yearly": one.yearly, "is_default": one.is_default, "version": one.version}
    return EditSeriesForm(data=values)


def _words(form: SeriesForm, known: Series) -> str:
    """The preview of a form whose own errors stand beside its fields."""
    shown = SeriesForm(data={name: form[name].data for name in ("pattern", "yearly", "next_seq", "is_default")})
    return "" if form.errors else preview(shown, known)
