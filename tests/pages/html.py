"""A page as a tree, read strictly: what HTML lets a writer leave out may be left out, all else amiss is a fault."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

VOID = frozenset(("meta", "link", "input", "br", "path", "rect"))
"""Elements without an end."""
ENDED_BY = {
    "td": ("td", "th", "tr", "tbody"),
    "th": ("td", "th", "tr", "tbody"),
    "tr": ("tr", "tbody"),
}
"""Elements whose end may be left out before these, and at their parent's end."""


class Element:
    """An element, its attributes, and what is in it: elements and texts."""

    def __init__(self, tag: str, attributes: dict[str, str]) -> None:
        self.tag, self.attributes = tag, attributes
        self.inside: list[Element | str] = []

    def __iter__(self) -> Iterator[Element]:
        """The element and all beneath it, in the page's order."""
        yield self
        for each in self.inside:
            if isinstance(each, Element):
                yield from each

    @property
    def text(self) -> str:
        """What is said in it, white space as one blank."""
        parts = [each if isinstance(each, str) else each.text for each in self.inside]
        return " ".join("".join(parts).replace("\N{NO-BREAK SPACE}", " ").split())

    def all(self, tag: str = "", **attributes: str) -> list[Element]:
        """The elements within of a tag and attributes (`class_` is one of the classes, `data_live` data-live)."""
        return [each for each in self if each is not self and each._is(tag, attributes)]

    def one(self, tag: str = "", **attributes: str) -> Element:
        """The only one of them."""
        found = self.all(tag, **attributes)
        assert len(found) == 1, (tag, attributes, len(found))
        return found[0]

    def rows(self) -> list[list[str]]:
        """The texts of the tables' rows, heads too."""
        return [[each.text for each in row.inside if isinstance(each, Element)] for row in self.all("tr")]

    def row(self, first: str) -> list[str]:
        """The texts of the table's row whose head is `first`, without it."""
        [found] = [row for row in self.rows() if first in row]
        return [each for each in found if each != first]

    def _is(self, tag: str, attributes: dict[str, str]) -> bool:
        def has(name: str, value: str) -> bool:
            own = self.attributes.get(name.rstrip("_").replace("_", "-"))
            return own is not None and (value in own.split() if name == "class_" else value == own)

        return tag in ("", self.tag) and all(has(name, value) for name, value in attributes.items())


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {})
        self.open = [self.root]
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"an attribute twice: {self.get_starttag_text()}"
        assert not [name for name in names if not name.replace("-", "").replace(":", "").isalnum()], names
        made = Element(tag, {name: value or "" for name, value in attrs})
        if (own := made.attributes.get("id")) is not None:
            assert own not in self.ids, f"an id twice: {own}"
            self.ids.add(own)
        while tag in ENDED_BY.get(self.open[-1].tag, ()):
            self.open.pop()
        self.open[-1].inside.append(made)
        if tag not in VOID:
            self.open.append(made)

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        while self.open[-1].tag != tag and self.open[-1].tag in ENDED_BY:
            self.open.pop()
        assert self.open[-1].tag == tag, f"</{tag}> ends <{self.open[-1].tag}>, {self.getpos()}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].inside.append(data)


def read(text: str) -> Element:
    """The page.

    Raises AssertionError where it is not well-formed.
    """
    reader = _Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == [reader.root], [each.tag for each in reader.open]
    page = reader.root.one("html")
    for each in page.all():
        for name in ("aria-labelledby", "for"):
            assert each.attributes.get(name, "") in {"", *reader.ids}, f"{name} names nothing: {each.attributes}"
    return page
