"""Bodies: bounded gzip, media types, and batches cut into elements without judging them."""

from __future__ import annotations

import gzip
import json
import time
import tracemalloc
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.push import Rejected
from app.intake.bodies import (
    BodyProblem,
    MediaType,
    decompress,
    is_utf8,
    media_type,
    split_array,
    split_lines,
    without_bom,
)
from app.intake.catalogues import parse_rows
from app.intake.cloudevents import parse

LIMIT = 32 * 1024 * 1024
TEXT = b'{"id":"1"}' * 50


def problem(body: bytes, encoding: str | None = "gzip", limit: int = LIMIT) -> str:
    with pytest.raises(BodyProblem) as raised:
        decompress(body, encoding, limit)
    return raised.value.code


@pytest.mark.parametrize("encoding", [None, "", "identity", " Identity "])
def test_a_body_without_encoding_stays_as_it_is(encoding: str | None) -> None:
    assert decompress(TEXT, encoding, LIMIT) == TEXT


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP", " gzip "])
def test_gzip_is_undone(encoding: str) -> None:
    assert decompress(gzip.compress(TEXT), encoding, LIMIT) == TEXT


def test_all_members_of_a_gzip_stream_count_and_zero_padding_does_not() -> None:
    stream = gzip.compress(TEXT) + gzip.compress(b"") + gzip.compress(b"more") + b"\0" * 40_000
    assert decompress(stream, "gzip", LIMIT) == TEXT + b"more"


def test_an_empty_gzip_body_is_an_empty_body() -> None:
    assert decompress(b"", "gzip", LIMIT) == b""


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip", "*"])
def test_another_encoding_is_unsupported(encoding: str) -> None:
    assert problem(TEXT, encoding) == "unsupported_encoding"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(TEXT, id="plain text"),
        pytest.param(gzip.compress(TEXT)[:-9], id="cut short"),
        pytest.param(gzip.compress(TEXT)[:5], id="cut in the header"),
        pytest.param(gzip.compress(TEXT)[:-8] + b"\1" * 8, id="wrong checksum"),
        pytest.param(gzip.compress(TEXT) + b"garbage", id="garbage behind"),
        pytest.param(zlib.compress(TEXT), id="zlib, not gzip"),
    ],
)
def test_broken_gzip_is_no_json(body: bytes) -> None:
    assert problem(body) == "invalid_json"


def test_exactly_the_limit_is_allowed_and_one_byte_more_is_too_large() -> None:
    assert len(decompress(gzip.compress(b"x" * 100_000), "gzip", 100_000)) == 100_000
    assert len(decompress(b"x" * 100_000, None, 100_000)) == 100_000
    assert problem(gzip.compress(b"x" * 100_001), limit=100_000) == "too_large"
    assert problem(b"x" * 100_001, None, limit=100_000) == "too_large"
    halves = gzip.compress(b"x" * 50_001) + gzip.compress(b"x" * 50_000)
    assert problem(halves, limit=100_000) == "too_large"


def test_a_gzip_bomb_is_too_large_and_soon_noticed() -> None:
    member = gzip.compress(b"\0" * (64 * 1024 * 1024))
    began = time.process_time()
    assert problem(member * 50) == "too_large"
    assert time.process_time() - began < 2


def test_a_million_empty_members_are_refused_and_soon() -> None:
    began = time.process_time()
    assert problem(gzip.compress(b"") * 1_000_000) == "too_large"
    assert time.process_time() - began < 2


@given(st.binary(max_size=200), st.lists(st.binary(max_size=200), max_size=4))
def test_whatever_the_bytes_decompression_gives_bytes_or_a_problem(noise: bytes, members: list[bytes]) -> None:
    stream = b"".join(map(gzip.compress, members))
    assert decompress(stream, "gzip", 1_000) == b"".join(members)
    with suppress(BodyProblem):
        assert len(decompress(stream + noise, "gzip", 1_000)) <= 1_000


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, MediaType("", None)),
        ("application/json", MediaType("application/json", None)),
        (" Application/JSON ; Charset=UTF-8", MediaType("application/json", "utf-8")),
        ('application/json; q=1; charset="utf-8"', MediaType("application/json", "utf-8")),
        ("application/json; charset=ISO-8859-1", MediaType("application/json", "iso-8859-1")),
    ],
)
def test_a_media_type_is_its_name_and_charset_in_lower_case(header: str | None, expected: MediaType) -> None:
    assert media_type(header) == expected


def test_only_a_byte_order_mark_at_the_start_is_dropped() -> None:
    assert without_bom(b"\xef\xbb\xbf[]\xef\xbb\xbf") == b"[]\xef\xbb\xbf"


def test_lines_are_those_that_are_not_blank() -> None:
    assert split_lines(b"\n \n1\r\n\t\n  2\n\r\n3", 3) == [b"1\r", b"2", b"3"]
    assert split_lines(b"", 3) == []


def test_a_line_too_many_is_noticed_before_anything_is_decoded() -> None:
    with pytest.raises(BodyProblem) as raised:
        split_lines(b"\n1\n\n2\n3\nbroken", 3)
    assert raised.value.code == "too_many_events"


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_an_array_is_cut_into_the_texts_of_its_elements(value: object) -> None:
    elements = [value, value, 1, "a\\", '"', [], {}]
    for layout in (None, 2):
        cut = split_array(json.dumps(elements, indent=layout).encode(), 10)
        assert [json.loads(each) for each in cut] == elements


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[",
        b"[1",
        b"[1,",
        b"[1,]",
        b"[,1]",
        b"[1 2]",
        b"[1]]",
        b"[1] 2",
        b'["a',
        b'["a\\"]',
        b"[{]",
        b"[{",
        b"[}",
    ],
)
def test_what_is_no_array_is_no_json(body: bytes) -> None:
    with pytest.raises(BodyProblem) as raised:
        split_array(body, 10)
    assert raised.value.code == "invalid_json"


@pytest.mark.parametrize(
    "element", ["1 2", '1{"a": 1}', '"a" b', ': "x"', "{] a {:}", '{"a": 1} {}', "[" * 5000 + "]" * 5000 + " {}"]
)
def test_an_element_that_is_no_json_makes_the_body_none(element: str) -> None:
    # The lone surrogate makes the decoder refuse the array as a whole, so that it is cut.
    with pytest.raises(BodyProblem) as raised:
        parse(f'["\\ud800", {element}]'.encode(), "application/json", {})
    assert raised.value.code == "invalid_json"


@pytest.mark.parametrize(
    ("unit", "times"), [(b"[", LIMIT), (b"[{", LIMIT // 2), (b'"', LIMIT // 2), (b"[],", LIMIT // 3), (b" ", LIMIT)]
)
def test_a_hostile_array_costs_seconds_at_most(unit: bytes, times: int) -> None:
    body = (b'["' if unit.startswith(b"\\") else b"[") + unit * times
    began = time.process_time()
    with pytest.raises(BodyProblem):
        split_array(body, 10_000)
    assert time.process_time() - began < 5


# Shapes that would take far more memory than their bytes

SIZE = 8 * 1024 * 1024
FACE = "😀".encode()
TABLES = {
    b"," * SIZE: (None, "invalid_value"),
    b"code,name\n" + b"," * SIZE: (0, None),
    b"code\n" + b"\n" * SIZE: (0, None),
    b"code\r" + b" \r" * (SIZE // 2): (0, None),
    b"code\n" + b'"' * SIZE: (None, "too_large"),
    b"code\n" + b"x" + b"," * 10_001: (None, "too_large"),
    b"code\n" + b'a,"\n",' * (SIZE // 6): (None, "too_large"),
    b"code," + b"a," * (SIZE // 8): (None, "too_large"),
    b"code" + b",x" * 100: (None, "invalid_value"),
    b"code\n" + FACE + b"a" * SIZE: (None, "too_large"),
    b"code\n" + b"a\n" * (SIZE // 2): (None, "too_large"),
    b"code\n" + (b"," * 9_000 + b"\n") * (SIZE // 9_001): (0, None),
    b"code\n" + (b"x" + b"," * 9_000 + b"\n") * 500: (500, "invalid_code"),
}
ARRAYS = {
    b"[" + b"0," * (SIZE // 2) + b"0]": (None, "too_large"),
    b'[{"code":[' + b"0," * (SIZE // 2) + b"0]}]": (1, "too_large"),
    b'[{"code":"' + FACE + b"a" * SIZE + b'"}]': (1, "too_large"),
}


@pytest.mark.parametrize(("body", "media", "found"), [
    *((body, "text/csv", found) for body, found in TABLES.items()),
    *((body, "application/json", found) for body, found in ARRAYS.items()),
], ids=lambda value: repr(value[:24]) if isinstance(value, bytes) else "")  # fmt: skip
def test_no_shape_of_a_catalogue_takes_much_more_memory_than_its_bytes(
    body: bytes, media: str, found: tuple[int | None, str | None]
) -> None:
    outcome: tuple[int | None, str | None]
    tracemalloc.start()
    try:
        told = parse_rows("procedures", body, media)
        outcome = (len(told), next((each.code for each in told if isinstance(each, Rejected)), None))
    except BodyProblem as problem:
        outcome = (None, problem.code)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert outcome == found
    assert peak < 4 * SIZE, "a body of commas took 24 times its size"


def test_an_event_longer_than_any_is_refused_before_it_is_read() -> None:
    body = b'[{"id":"' + FACE + b"a" * SIZE + b'"}]'
    tracemalloc.start()
    batch = parse(body, "application/cloudevents-batch+json", {})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [each.code for each in batch.items if isinstance(each, Rejected)] == ["too_large"]
    assert peak < 2 * SIZE


def test_lines_of_a_table_are_numbered_as_an_editor_does() -> None:
    for end in ("\n", "\r\n", "\r"):
        with pytest.raises(BodyProblem, match="at line 5: "):
            parse_rows("units", end.join(("code", "", "H44", ",", '"H44.07"x')).encode(), "text/csv")


def test_utf8_is_checked_across_the_pieces_it_is_looked_at_in() -> None:
    for shift in range(5):
        text = b"a" * (1024 * 1024 - shift) + FACE * 3
        assert is_utf8(text)
        assert not is_utf8(text[:-1])
        assert not is_utf8(text + b"\xff")
