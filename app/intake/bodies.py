"""Request bodies before anyone looks for events in them: bounded gzip, media types, and cutting a batch into elements.

Everything here is linear in the size of the body and bounded in memory, whatever the bytes are. What an element means
is none of this module's business.
"""

from __future__ import annotations

import json
import math
import re
import zlib
from codecs import getincrementaldecoder
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from app.messages import Message

_GZIP_FEED = 16 * 1024
_GZIP_MEMBERS = 20_000
"""A member costs its set-up even when it is empty, so their number is bounded; one per event of a full batch fits."""

_TOKENS_PER_EVENT = 150
_HUGE = 256 * 1024
_HUGE_PARTS = 50_000
_COMMAS_PER_ELEMENT = 64
_MOST_ELEMENTS = 1_000_000
_MOST_CELLS = 10_000
_LONGEST_PART = 4 * 1024 * 1024
"""Bytes of an event, a row or a line."""

_DECODED_AT_ONCE = 1024 * 1024
_TOLD = re.compile(rb"[^ \t,\r\n]")
_FIRST_LINE = re.compile(rb"[\s,;]*[^\r\n]*")
_LINE_END = re.compile(rb"\r\n|\r|\n")
_ANY = msgspec.json.Decoder()
_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])
CHARSET = Message("the charset must be UTF-8", "bảng mã phải là UTF-8")
_BOM = b"\xef\xbb\xbf"
_BLANKS = b" \t\r\n"
_LINE = re.compile(rb"[^ \t\r\n][^\n]*")
_NOT_BLANK = re.compile(rb"[^ \t\r\n]")
_TOKEN = re.compile(rb'([\[{])|([\]}])|"(?:[^"\\]++|\\.)*+("?)', re.DOTALL)
_OPENING, _CLOSING = 1, 2
"""The groups of a bracket; the third is the end of a text, empty where it has none."""

_SCALAR = re.compile(rb'[^,\[\]{}" \t\r\n]+')


class BodyProblem(Exception):
    """The body as a whole cannot be taken; nothing of it was. `code` is one of the contract's closed list."""

    def __init__(self, code: str, detail: Message, field: str | None = None) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail
        self.field = field


class MediaType(NamedTuple):
    """A content type in lower case, without parameters, and its charset when one is named."""

    name: str
    charset: str | None


def media_type(header: str | None) -> MediaType:
    """Read a Content-Type header; nothing at all gives an empty name."""
    name, *parameters = (header or "").split(";")
    charset = None
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip().lower() == "charset":
            charset = value.strip().strip('"').lower()
    return MediaType(name.strip().lower(), charset)


def decompress(body: bytes, encoding: str | None, limit: int) -> bytes:
    """The body without its Content-Encoding, at most `limit` bytes.

    BodyProblem: `unsupported_encoding` for anything but gzip, x-gzip and identity, `too_large` beyond the limit,
    `invalid_json` for broken gzip (the closed list has nothing nearer: what arrived is no JSON).
    """
    coding = (encoding or "identity").strip().lower()
    if coding in ("gzip", "x-gzip"):
        return _gunzip(body, limit)
    if coding not in ("identity", ""):
        unsupported = Message(
            "Content-Encoding must be gzip or identity", "Content-Encoding phải là gzip hoặc identity"
        )
        raise BodyProblem("unsupported_encoding", unsupported)
    if len(body) > limit:
        raise _too_large(limit)
    return body


def _too_large(limit: int) -> BodyProblem:
    detail = Message(
        "the body may have at most {limit} bytes after decompression",
        "nội dung có tối đa {limit} byte sau khi giải nén",
        limit=limit,
    )
    return BodyProblem("too_large", detail)


def _gunzip(body: bytes, limit: int) -> bytes:
    """All members of a gzip stream. Fed in small pieces: zlib copies the rest of its input at the end of a member."""
    pieces: list[bytes] = []
    room, members, at, pending = limit, 0, 0, b""
    member = None
    while True:
        if not pending:
            pending = body[at : at + _GZIP_FEED]
            at += len(pending)
            if not pending:
                break
        if member is None:
            # Tape-style zero padding after a member is allowed by every gzip tool.
            pending = pending.lstrip(b"\0") if members else pending
            if not pending:
                continue
            member, members = zlib.decompressobj(wbits=31), members + 1
            if members > _GZIP_MEMBERS:
                many = Message(
                    "the gzip stream may have at most {most} members",
                    "luồng gzip có tối đa {most} phần",
                    most=_GZIP_MEMBERS,
                )
                raise BodyProblem("too_large", many)
        try:
            piece = member.decompress(pending, room + 1)
        except zlib.error:
            raise broken(Message("the body is not valid gzip", "nội dung không phải gzip hợp lệ")) from None
        if len(piece) > room:
            raise _too_large(limit)
        room -= len(piece)
        pieces.append(piece)
        # Never stopped by max_length without having raised above, so no input is left inside a living member.
        pending = member.unused_data if member.eof else b""
        member = None if member.eof else member
    if member is not None:
        raise broken(Message("the gzip body ends in the middle", "nội dung gzip bị cắt giữa chừng"))
    return b"".join(pieces)


def without_bom(body: bytes) -> bytes:
    """The body without a UTF-8 byte order mark."""
    return body[len(_BOM) :] if body.startswith(_BOM) else body


def first_token(body: bytes) -> bytes:
    """The first byte that is not blank, or nothing."""
    found = _NOT_BLANK.search(body)
    return found.group() if found else b""


def too_many(max_events: int) -> BodyProblem:
    """The problem of a batch with more events than allowed."""
    detail = Message("a batch may have at most {most} events", "một lô có tối đa {most} sự kiện", most=max_events)
    return BodyProblem("too_many_events", detail)


def split_lines(body: bytes, max_events: int) -> list[bytes]:
    """The lines of NDJSON that are not blank, without leading blanks. Stops reading at the first line too many."""
    lines = [line.group() for line in islice(_LINE.finditer(body), max_events + 1)]
    if len(lines) > max_events:
        raise too_many(max_events)
    return lines


def whole_array(body: bytes, most: int) -> list[msgspec.Raw] | None:
    """The elements of a JSON array by the fast decoder; None when one of them makes it give up, or when there may be
    millions: these would take far more memory than the body, and are to be counted one by one.
    """
    if body.count(b",") > min(_COMMAS_PER_ELEMENT * most, _MOST_ELEMENTS):
        return None
    try:
        return _ELEMENTS.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def split_array(body: bytes, max_events: int) -> list[bytes]:
    """The elements of a JSON array as text, cut by quotes and brackets alone.

    The slow way, for arrays that a decoder refuses as a whole because of one element (a lone surrogate, deep nesting):
    each element can then be judged by itself. What stands inside an element is not checked. BodyProblem:
    `invalid_json` when it is no array, `too_many_events`, `too_large` when it has too many parts.
    """
    scan = _Scan(body, _TOKENS_PER_EVENT * max(max_events, 1_000))
    at = scan.skip_blanks(0)
    if body[at : at + 1] != b"[":
        raise broken(Message("the body is not a JSON array", "nội dung không phải mảng JSON"))
    elements: list[bytes] = []
    at = scan.skip_blanks(at + 1)
    closed = body[at : at + 1] == b"]"
    while not closed:
        end = scan.element_end(at)
        elements.append(body[at:end])
        if len(elements) > max_events:
            raise too_many(max_events)
        at = scan.skip_blanks(end)
        closed = body[at : at + 1] == b"]"
        if not closed:
            if body[at : at + 1] != b",":
                more = Message(
                    "expected a comma or the end of the array at byte {at}",
                    "cần dấu phẩy hoặc dấu kết thúc mảng tại byte {at}",
                    at=at,
                )
                raise broken(more)
            at = scan.skip_blanks(at + 1)
    if scan.skip_blanks(at + 1) != len(body):
        raise broken(Message("trailing characters at byte {at}", "còn ký tự thừa tại byte {at}", at=at + 1))
    return elements


def broken(detail: Message) -> BodyProblem:
    """The problem of a body that is no JSON."""
    return BodyProblem("invalid_json", detail)


class _Scan:
    """A cursor over JSON text with a budget of steps, so that a hostile body cannot buy minutes of Python."""

    def __init__(self, body: bytes, budget: int) -> None:
        self.body = body
        self.budget = budget

    def skip_blanks(self, at: int) -> int:
        found = _NOT_BLANK.search(self.body, at)
        return found.start() if found else len(self.body)

    def element_end(self, at: int) -> int:
        """Where the value that begins at `at` ends."""
        if scalar := _SCALAR.match(self.body, at):
            return scalar.end()
        if self.body[at : at + 1] not in (b'"', b"[", b"{"):
            raise broken(Message("expected a value at byte {at}", "cần một giá trị tại byte {at}", at=at))
        depth = 0
        for token in _TOKEN.finditer(self.body, at):
            kind = token.lastindex
            if kind == _OPENING:
                self._spend(1)
                depth += 1
                continue
            if kind == _CLOSING:
                self._spend(1)
                depth -= 1
            else:
                self._spend(self.body.count(b'"', token.start(), token.end()) - (depth == 0))
                if not token[3]:
                    raise broken(Message("the body ends in the middle of a string", "nội dung dừng giữa một chuỗi"))
            if depth == 0:
                return token.end()
        raise broken(Message("the body ends in the middle of an element", "nội dung dừng giữa một phần tử"))

    def _spend(self, steps: int) -> None:
        self.budget -= steps
        if self.budget < 0:
            many = Message(
                "the array has far more brackets and quotes than a batch of events",
                "mảng có quá nhiều dấu ngoặc so với một lô sự kiện",
            )
            raise BodyProblem("too_large", many)


class TableLines:
    """The lines of a CSV table that say anything, one after the other: whatever the bytes are, no more of them than one
    record stands in memory. Whoever takes a record from them sets `separators` to 0. BodyProblem: `too_large`.

    `separator`: what sets cells apart, the one of comma, semicolon and tab that the first line has; the comma where it
    has none or several.
    """

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0
        self.separators = 0
        first = _FIRST_LINE.match(body, 0, _LONGEST_PART)
        found = [each for each in ",;\t" if first and each.encode() in first.group()]
        self.separator = found[0] if len(found) == 1 else ","

    @property
    def number(self) -> int:
        """The number of the line last read, from 1."""
        read = self._body[: self._at]
        return max(1, max(read.count(b"\n"), read.count(b"\r")) + (not read.endswith((b"\n", b"\r"))))

    def __iter__(self) -> Iterator[str]:
        body = self._body
        while (told := _TOLD.search(body, self._at)) is not None:
            # Blank lines, and those of commas only, may be millions.
            before = max(body.rfind(each, self._at, told.start()) for each in (b"\n", b"\r"))
            end = _LINE_END.search(body, told.start())
            line = memoryview(body)[max(before + 1, self._at) : end.end() if end else len(body)]
            self._at = end.end() if end else len(body)
            if len(line) > _LONGEST_PART:
                long = Message(
                    "a line of the table may have at most {most:,} bytes",
                    "một dòng của bảng có tối đa {most:,} byte",
                    most=_LONGEST_PART,
                )
                raise BodyProblem("too_large", long)
            text = str(line, "utf-8")
            self.separators += text.count(self.separator)
            if self.separators > _MOST_CELLS:
                many = Message(
                    "a row of the table may have at most {most:,} commas",
                    "một dòng của bảng có tối đa {most:,} dấu ngăn ô",
                    most=_MOST_CELLS,
                )
                raise BodyProblem("too_large", many)
            yield text


def of_element(index: int, detail: Message) -> Message:
    """What is wrong with one element of an array."""
    return Message("element {index}: {detail}", "phần tử {index}: {detail}", index=index, detail=detail)


class NotJson(Exception):
    """A text cannot be read. `grammar`: it is no JSON; else it is, but nothing that can be taken in (depth, UTF-8)."""

    def __init__(self, detail: Message, grammar: bool) -> None:
        super().__init__(detail)
        self.detail = detail
        self.grammar = grammar


def readable(text: bytes) -> Any:
    """Any JSON value, also one with lone surrogates or numbers beyond every range (they become NaN), or NotJson."""
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError:
        _load(text.decode("utf-8", "replace"))
        raise NotJson(Message("the text is not UTF-8", "văn bản không phải UTF-8"), grammar=False) from None
    try:
        return _ANY.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return _load(decoded)


def _load(text: str) -> Any:
    try:
        return json.loads(text, parse_int=_number, parse_float=_number, parse_constant=_constant)
    except json.JSONDecodeError as problem:
        invalid = Message(
            "invalid JSON: {problem} at character {at}",
            "JSON sai cú pháp tại ký tự {at}",
            problem=problem.msg,
            at=problem.pos,
        )
        raise NotJson(invalid, grammar=True) from None
    except RecursionError:
        raise NotJson(Message("nested too deeply", "lồng nhau quá sâu"), grammar=False) from None


def _number(text: str) -> int | float:
    if len(text) > 300:
        return math.nan
    return int(text) if text.lstrip("-").isdigit() else float(text)


def _constant(name: str) -> float:
    invalid = Message("invalid JSON: {name} is not a number", "JSON sai cú pháp: {name} không phải là số", name=name)
    raise NotJson(invalid, grammar=True)


def overfull(text: bytes | msgspec.Raw) -> bool:
    """Whether a text would become so many small objects that its size says nothing about the memory it takes, or is
    longer than any event or row.
    """
    if len(text) <= _HUGE:
        return False
    told = bytes(text).strip(_BLANKS)
    return len(told) > _LONGEST_PART or sum(map(told.count, (b",", b"[", b"{"))) > _HUGE_PARTS


def is_utf8(body: bytes) -> bool:
    """Checked once for the whole body: the fast decoder does not look into what it skips."""
    if body.isascii():
        return True
    # In pieces: one character beyond the first 65,536 makes a text four times as large as its bytes.
    decoder = getincrementaldecoder("utf-8")()
    try:
        for at in range(0, len(body), _DECODED_AT_ONCE):
            decoder.decode(memoryview(body)[at : at + _DECODED_AT_ONCE])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
