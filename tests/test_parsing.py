"""Wrong HTML is refused, in pages and in fragments: else the checks of every answer would prove less than they say."""

from __future__ import annotations

import pytest
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse
from werkzeug.wrappers import Request

from tests.support.html import Page, check
from tests.support.parsing import ParseError, parse_fragment, parse_page

WRONG = {
    "unclosed element": "<div><p>a</p>",
    "unclosed within a paragraph": "<p><span>a</p>",
    "unclosed formatting": "<p><b>a</p>",
    "unclosed textarea": "<textarea>a",
    "unclosed select": "<select><option>a",
    "unclosed script": "<script src='a'>",
    "unclosed form": "<form action='/'><p>a</p>",
    "unclosed element of ours": "<hx-partial><p>a</p>",
    "stray end": "<p>a</p></div>",
    "stray end of a paragraph": "<div></p></div>",
    "end of a void element": "<input></input>",
    "misnested": "<b><i>a</b></i>",
    "misnested blocks": "<div><span>a</div></span>",
    "misnested for who has no JavaScript": "<noscript><p><b>a</p></noscript>",
    "block in a paragraph": "<p><div>a</div></p>",
    "div in a table": "<table><tr><div>a</div></tr></table>",
    "text in a table": "<table><tr>a<td>b</td></tr></table>",
    "form in a table": "<table><tr><form action='/'><td>a</td></form></tr></table>",
    "input in a table": "<table><tr><input type='hidden'><td>a</td></tr></table>",
    "cell without a row": "<table><tbody><td>a</td></tbody></table>",
    "unclosed within a cell": "<table><tr><td><div>a</td></tr></table>",
    "row without a table": "<div><tr><td>a</td></tr></div>",
    "table in a table": "<table><table></table></table>",
    "form in a form": "<form action='/'><div><form action='/'></form></div></form>",
    "button in a button": "<button>a<button>b</button></button>",
    "link in a link": "<a href='/'>a<a href='/'>b</a></a>",
    "heading in a heading": "<h1><h2>a</h2></h1>",
    "duplicate attribute": "<p class='a' class='b'>a</p>",
    "no blank between attributes": "<p class='a'id='b'>a</p>",
    "quote in an attribute's name": '<p a"b="c">a</p>',
    "less-than in a name": "<p <b>a</p>",
    "quote in a bare value": '<p title=a"b>a</p>',
    "missing value": "<p title=>a</p>",
    "end within a tag": "<p title='a",
    "self-closing": "<div/>",
    "attribute of an end tag": "<p>a</p class='b'>",
    "bare less-than": "<p>a < b</p>",
    "unknown entity": "<p>&nothing;</p>",
    "entity without its end": "<p>&copy</p>",
    "number of no character": "<p>&#0;</p>",
    "NUL": "<p>a\x00b</p>",
    "control character": "<p>a\x01b</p>",
    "noncharacter": "<p>a\ufffeb</p>",
    "comment without an end": "<!-- a",
    "instruction": "<?php ?>",
    "declaration": "<!foo>",
    "doctype within": "<!doctype html>",
    "body within": "<body class='a'>",
    "HTML in a drawing": "<svg><p>a</p></svg>",
    "unclosed in a drawing": "<svg><path d='a'></svg>",
}
RIGHT = {
    "all closed": "<main><p>a<br>b</p><ul><li>a</li></ul><input type='text'></main>",
    "ends left out": "<ul><li>a<li>b</ul><p>a<p>b<table><tr><td>a<tr><td>b</table><select><option>a<option>b</select>",
    "drawing": "<svg viewBox='0 0 1 1'><path d='a'/></svg>",
    "entities": "<p title='&#39;&amp;'>&lt;&eacute;</p>",
    "element of ours": "<hx-partial hx-target='#a'><p>a</p></hx-partial>",
    "without JavaScript": "<noscript><p>a</p></noscript>",
    "comment": "<!-- a --><p>a</p>",
}
FRAGMENTS = {
    "row": "<tr><td>{}</td></tr>\n<tr><td>a</td></tr>",
    "cell": "<td>{}</td>\n<td>a</td>",
    "body of a table": "<tbody><tr><td>{}</td></tr></tbody>",
    "anything": "<p>a</p><div>{}</div>",
}
LEAVING = ["<tr></tr></tbody><tbody>", "<tr></tr></tbody></table>a<table><tbody>", "<tbody></tbody></table><table>"]


def whole(body: str) -> str:
    return f"<!doctype html><html lang='en'><head><title>a</title></head><body>{body}</body></html>"


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_wrong_pages_are_refused(text: str) -> None:
    with pytest.raises(ParseError):
        parse_page(whole(text))


@pytest.mark.parametrize("around", FRAGMENTS.values(), ids=FRAGMENTS)
@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_wrong_fragments_are_refused(text: str, around: str) -> None:
    with pytest.raises(ParseError):
        parse_fragment(around.format(text))


@pytest.mark.parametrize("text", ["<p>a</p>", "<!doctype foo><p>a</p>", f"{whole('a')}<p>b</p>"])
def test_pages_begin_and_end_as_pages_do(text: str) -> None:
    with pytest.raises(ParseError):
        parse_page(text)


@pytest.mark.parametrize("text", LEAVING)
def test_fragments_stay_within_what_holds_them(text: str) -> None:
    with pytest.raises(ParseError):
        parse_fragment(text)


@pytest.mark.parametrize("text", RIGHT.values(), ids=RIGHT)
def test_right_ones_are_read(text: str) -> None:
    assert len(parse_page(whole(text)).find("body") or ()) > 0
    assert len(parse_fragment(text)) > 0


def test_what_is_read() -> None:
    text = (
        "<p id='a' hidden>b<i>c</i>d<!-- e -->f</p><textarea>\n\ng</textarea><svg><title>h</title></svg>"
        "<noscript><p>i</p></noscript>"
    )
    page = parse_page(whole(text))
    paragraph, area, drawing, without = page.findall("body/*")
    assert (page.tag, page.get("lang"), paragraph.attrib) == ("html", "en", {"id": "a", "hidden": ""})
    assert ["".join(element.itertext()) for element in (paragraph, area)] == ["bcdf", "\ng"]
    svg = "{http://www.w3.org/2000/svg}"
    assert [element.tag for element in drawing.iter()] == [f"{svg}svg", f"{svg}title"]
    assert [element.tag for element in without.iter()] == ["noscript", "p"]


@pytest.mark.parametrize("text", FRAGMENTS.values(), ids=FRAGMENTS)
def test_fragments_hold_what_they_are(text: str) -> None:
    found = parse_fragment(text.format("b"))
    assert next(child.tag for child in found) == text[1:].partition(">")[0]


@pytest.mark.parametrize("text", ["<p>a & b</p>", "<a href='/?a=1&b=2'>a</a>", "<select><b>a</b></select>"])
def test_what_the_parser_takes_and_we_do_not(text: str) -> None:
    headers = Headers({"Content-Type": "text/html; charset=utf-8"})
    answer = TestResponse([text.encode()], "200 OK", headers, Request({"PATH_INFO": "/"}))
    page = Page(answer)
    assert page.roots
    with pytest.raises(AssertionError, match=r"bare &|in a select"):
        check(page)
