"""HTML as a browser reads it, by html5ever, and refused where the standard knows a parse error."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, TreeBuilder

from markupever import HtmlOptions, Parser
from markupever._rustlib import Element as Node
from markupever._rustlib import Text
from markupever._rustlib.iter import Traverse
from markupever.dom import TreeDom

FIRST_TAG = re.compile(r"\s*(?:<!--.*?-->\s*)*<([a-z-]+)", re.DOTALL)
CONTAINERS = {"tr": ("table", "tbody"), "tbody": ("table",), "td": ("table", "tbody", "tr")}
"""The elements that a fragment's first tag must stand in, for the parser to take it as a browser does."""

FRAGMENT = "fragment"
HTML = "http://www.w3.org/1999/xhtml"


class ParseError(ValueError):
    """What is wrong with a text that should be HTML."""


def parse_page(text: str) -> Element:
    """The html element of a whole page. Raises ParseError for wrong HTML."""
    return next(iter(_tree(_read(text, HtmlOptions(exact_errors=True)))))


def parse_fragment(text: str) -> Element:
    """An element that holds a fragment. Raises ParseError for wrong HTML, and where it closes what it stands in."""
    first = FIRST_TAG.match(text)
    containers = CONTAINERS.get(first.group(1), ()) if first else ()
    before = "".join(f"<{name}>" for name in containers)
    after = "".join(f"</{name}>" for name in reversed(containers))
    found = _tree(_read(f"{before}{text}{after}", HtmlOptions(exact_errors=True, fragment_context="div")))
    for name in containers:
        if [child.tag for child in found] != [name]:
            raise ParseError(f"the fragment leaves its {name}")
        (found,) = found
    found.tag = FRAGMENT
    return found


def parse_loosely(text: str) -> Element:
    """The html element that a browser makes of any text."""
    return next(iter(_tree(_read(text, HtmlOptions(), strict=False), strict=False)))


def _read(text: str, options: HtmlOptions, *, strict: bool = True) -> TreeDom:
    parser = Parser(options)
    parser.process(text)
    parser.finish()
    if strict and (errors := parser.errors()):
        raise ParseError("; ".join(errors))
    return parser.into_dom()


def _tree(document: TreeDom, *, strict: bool = True) -> Element:
    """The same tree as elements of the standard library, without comments; those of drawings bear their namespace."""
    builder = TreeBuilder()
    builder.start(FRAGMENT, {})
    _build(builder, document, strict=strict)
    builder.end(FRAGMENT)
    return builder.close()


def _build(builder: TreeBuilder, document: TreeDom, *, strict: bool) -> None:
    """By the nodes as they come from Rust, since to wrap each one takes longer than all the rest.

    html5ever reads as a browser with JavaScript, to which the inside of a noscript is text; we read it as one without.
    """
    above: list[str] = []
    for node, closed in Traverse(document._raw.root()):  # noqa: SLF001
        if isinstance(node, Node):
            tag = node.name.local if node.name.ns == HTML else f"{{{node.name.ns}}}{node.name.local}"
            if closed:
                builder.end(above.pop())
            else:
                builder.start(tag, {name.local: value for name, value in node.attrs.items()})
                above.append(tag)
        elif isinstance(node, Text) and not closed:
            if above[-1:] == ["noscript"]:
                inside = _read(node.content, HtmlOptions(exact_errors=True, fragment_context="div"), strict=strict)
                _build(builder, inside, strict=strict)
            else:
                builder.data(node.content)
