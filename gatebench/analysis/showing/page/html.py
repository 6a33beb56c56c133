"""HTML and SVG elements as text. Every string is escaped, but for Markup, which this module made."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from typing import TypeAlias

_NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
"""What a log may hold and a page may not."""

_VOID = frozenset({"meta", "link", "br", "wbr"})
_EMPTY = frozenset({"line", "path", "rect", "circle"})
"""Of SVG: closed in their own tag."""


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Content: TypeAlias = "str | Iterable[Content] | None"
Attribute: TypeAlias = str | float | bool | None


def text(content: Content) -> Markup:
    """The contents one after the other, escaped; nothing of None."""
    if content is None:
        return Markup()
    if isinstance(content, Markup):
        return content
    if isinstance(content, str):
        return Markup(escape(_NO_TEXT.sub("\ufffd", content)))
    return Markup("".join(map(text, content)))


def tag(element: str, /, *content: Content, **attributes: Attribute) -> Markup:
    """`class_` and `for_` lose their underscore, `aria_label` becomes aria-label. None and False leave an attribute
    out, True gives it no value; numbers have one decimal.
    """
    opening = element + "".join(_attribute(*one) for one in attributes.items())
    if element in _EMPTY and not content:
        return Markup(f"<{opening}/>")
    if element in _VOID:
        return Markup(f"<{opening}>")
    return Markup(f"<{opening}>{text(content)}</{element}>")


def _attribute(name: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    name = name.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{text(coordinate(value))}"'


def coordinate(value: str | float) -> str:
    """One decimal, and none where it is zero."""
    if isinstance(value, str):
        return value
    return f"{round(value, 1) + 0:.1f}".removesuffix(".0")  # -0.0 becomes 0


def prose(words: str) -> Markup:
    """A sentence of the report: what stands between backquotes is code."""
    return text(tag("code", part) if n % 2 else part for n, part in enumerate(words.split("`")))
