"""A page as a tree, read by the standard library's parser: what a browser would have to mend is a mistake here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "br", "wbr"}
NO_BLOCKS_IN = {"p", "h1", "h2", "h3", "summary", "figcaption p", "span", "b", "caption"}
BLOCKS = {"p", "div", "ul", "ol", "table", "section", "figure", "details", "pre", "h1", "h2", "h3", "header", "main"}


@dataclass
class Element:
    name: str
    attributes: dict[str, str]
    children: list[Element | str] = field(default_factory=list)

    def every(self, name: str = "", css: str = "") -> Iterator[Element]:
        """Itself and all below it, in their order, of this name and class."""
        if (not name or self.name == name) and (not css or css in self.attributes.get("class", "").split()):
            yield self
        for child in self.children:
            if isinstance(child, Element):
                yield from child.every(name, css)

    @property
    def text(self) -> str:
        return "".join(child if isinstance(child, str) else child.text for child in self.children)

    def with_id(self, name: str) -> Element:
        return next(one for one in self.every() if one.attributes.get("id") == name)


class Document(HTMLParser):
    """Raises AssertionError for a tag that is not closed, or is closed in the wrong place, or may not stand there."""

    def __init__(self, text: str) -> None:
        super().__init__()
        assert text.startswith("<!DOCTYPE html>\n<html")
        self.root = Element("", {})
        self._open = [self.root]
        self.feed(text)
        self.close()
        assert [one.name for one in self._open] == [""]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(set(names)) == len(names), f"{tag} has an attribute twice: {names}"
        inside = {one.name for one in self._open}
        assert not (tag in BLOCKS and inside & NO_BLOCKS_IN), f"{tag} in {[one.name for one in self._open]}"
        element = Element(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert any(one.name == "svg" for one in self._open), f"<{tag}/> outside of a drawing"
        self.handle_starttag(tag, attrs)
        self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open[-1].name == tag, f"</{tag}> closes {self._open[-1].name}"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)


def cells(table: Element) -> dict[str, dict[str, str]]:
    """By row, by column: what the cells say. The words for who cannot see are left out."""
    head = [_said(one) for one in next(table.every("thead")).every("th")]
    found = {}
    for row in next(table.every("tbody")).every("tr"):
        name, *values = [_said(one) for one in row.children if isinstance(one, Element)]
        found[name] = dict(zip(head[1:], values, strict=True))
    return found


def _said(element: Element) -> str:
    if element.attributes.get("class") == "vh":
        return ""
    return "".join(child if isinstance(child, str) else _said(child) for child in element.children).strip()
