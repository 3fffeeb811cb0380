"""Messages for people, each in English and in Vietnamese.

Whatever tells a person that something is wrong takes a `Message`, never a text: so none can be made in one language
only. What it is about is put in when it is told, in the language that is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Final, Literal

Language = Literal["en", "vi"]


class Message:
    """A sentence in both languages, with places in braces for what it is about.

    English is what is kept, logged and said by `str`. A number's thousands (``{most:,}``) are set apart as the language
    does it. A value is a name, a number, something that was sent or another message; never words.
    """

    __slots__ = ("_english", "_values", "_vietnamese")

    def __init__(self, english: str, vietnamese: str, /, **values: str | int | float | Message) -> None:
        self._english = english
        self._vietnamese = vietnamese
        self._values = values

    @property
    def en(self) -> str:
        """In English."""
        return self._english.format(**self._values) if self._values else self._english

    @property
    def vi(self) -> str:
        """In Vietnamese."""
        values = {name: _in_vietnamese(value) for name, value in self._values.items()}
        return self._vietnamese.format(**values) if values else self._vietnamese

    def said(self, language: Language) -> str:
        """In a language."""
        return self.vi if language == "vi" else self.en

    def __str__(self) -> str:
        return self.en

    def __repr__(self) -> str:
        return f"Message({self.en!r}, {self.vi!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Message) and (self.en, self.vi) == (other.en, other.vi)

    def __hash__(self) -> int:
        return hash(self.en)


class _Number(int):
    """A whole number with points between its thousands."""

    def __format__(self, spec: str) -> str:
        return super().__format__(spec).replace(",", ".")


def _in_vietnamese(value: str | int | float | Message) -> str | int | float:
    if isinstance(value, Message):
        return value.vi
    return _Number(value) if isinstance(value, int) else value


def verbatim(text: str) -> Message:
    """What is no sentence of ours: a name, or what another program says."""
    return Message("{text}", "{text}", text=text)


class Told(Exception):
    """What fails for a reason outside this program: people are told its message, and not where it was raised."""


def of_error(error: BaseException) -> Message:
    """What an error says: its message, where it was raised with one."""
    (said,) = error.args if len(error.args) == 1 else (None,)
    return said if isinstance(said, Message) else verbatim(str(error))


def also(faults: Sequence[Message]) -> Message:
    """One message of several faults; there is at least one."""
    return reduce(_and, faults)


def _and(first: Message, then: Message) -> Message:
    return Message("{first}; also {then}", "{first}; ngoài ra {then}", first=first, then=then)


def with_likely(fault: Message, meant: str | None) -> Message:
    """A fault with what was likely meant, if anything."""
    if meant is None:
        return fault
    return Message("{fault}; likely {meant} is meant", "{fault}; có lẽ là {meant}", fault=fault, meant=meant)


GIVEN_TWICE: Final = Message("given twice", "được nêu hai lần")
MISSING: Final = Message("required, but missing", "bắt buộc nhưng thiếu")
EMPTY: Final = Message("must not be empty", "không được để trống")
UNFIT: Final = Message(
    "control characters and lone surrogates are not allowed", "không được có ký tự điều khiển hay ký tự hỏng"
)
BEYOND_KEY: Final = Message("the key does not reach this unit", "khóa API không có quyền với đơn vị này")
NO_UNIT: Final = Message(
    "no unit of the catalogue has this code or alias", "danh mục không có đơn vị nào mang mã hoặc mã phụ này"
)
NOT_UTF8: Final = Message("the body is not UTF-8", "nội dung không phải UTF-8")
NAME_UNIT: Final = Message("name the unit", "hãy nêu đơn vị")


def preferred(accept_language: str) -> Language:
    """The language of an Accept-Language header: Vietnamese where it is liked better than English."""
    liked = {"vi": (0.0, 0), "en": (0.0, 0)}
    for place, item in enumerate(accept_language.split(",")[:50]):
        name, _, weight = item.partition(";")
        language = name.strip().lower().partition("-")[0]
        if language in liked:
            liked[language] = max(liked[language], (_weight(weight), -place))
    return "vi" if liked["vi"][0] > 0 and liked["vi"] > liked["en"] else "en"


def spoken(environment: Mapping[str, str]) -> Language:
    """The language of a terminal's locale."""
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    locale = next((environment[each] for each in names if environment.get(each)), "")
    return "vi" if locale.startswith("vi") else "en"


def _weight(text: str) -> float:
    name, _, value = text.partition("=")
    try:
        return float(value) if name.strip().lower() == "q" else 1.0
    except ValueError:
        return 0.0
