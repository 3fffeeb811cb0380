"""Heads, addresses, bodies and silences are counted in bytes and seconds, before anybody is known."""

from __future__ import annotations

import asyncio

import pytest

from app.server import crowd

from .test_protocol import H2C, post
from .wire import Answer, Wire, read, served

HEAD = b"GET /a HTTP/1.1\r\nHost: a\r\n"
LARGE = 65_536


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the clock often."""
    monkeypatch.setattr(crowd, "_SWEEP_SECONDS", 0.05)


def of(answer: Answer | None) -> tuple[int, str]:
    assert answer is not None
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["connection"] == "close"
    return answer.status, answer.json["code"]


async def flood(wire: Wire, begin: bytes, piece: bytes, most: int) -> tuple[Answer | None, int]:
    """Send `begin`, and pieces until there is an answer; with how many bytes were sent then."""
    reader, writer = await wire.connect()
    writer.write(begin)
    sent = len(begin)
    answered = asyncio.create_task(read(reader))
    while not answered.done() and sent < most:
        writer.write(piece)
        sent += len(piece)
        await writer.drain()
        await asyncio.sleep(0)
    answer = await answered
    return answer, sent


async def test_a_head_above_64_kib_is_431_however_it_comes() -> None:
    one = HEAD + b"X: " + b"x" * 100_000 + b"\r\n\r\n"
    many = HEAD + b"".join(b"X-%d: %s\r\n" % (n, b"y" * 100) for n in range(700)) + b"\r\n"
    names = HEAD + b"n" * 100_000 + b": x\r\n\r\n"
    async with served() as wire:
        for sent in (one, many, names, one.replace(b"Host: a\r\n", b"Host: a\r\n" + H2C), post() + one):
            pieces = [sent[start : start + 1_000] for start in range(0, len(sent), 1_000)]
            for way in ([sent], pieces):
                *before, answer = await wire.say(*way, pause=0, expected=2 if sent.startswith(b"POST") else 1)
                assert of(answer) == (431, "headers_too_large")
                assert [each.status for each in before] == ([200] if sent.startswith(b"POST") else [])
        room = LARGE - len(HEAD) - 100
        [answer] = await wire.say(HEAD + b"X: " + b"x" * room + b"\r\n\r\n")
        assert answer.status == 200


@pytest.mark.parametrize("begin", [HEAD + b"X: ", HEAD, b"GET /"], ids=["a value", "lines", "an address"])
async def test_a_head_without_end_is_refused_early(begin: bytes) -> None:
    piece = b"X: y\r\n" * 200 if begin == HEAD else b"x" * 1_000
    async with served() as wire:
        answer, sent = await flood(wire, begin, piece, 100_000_000)
    assert of(answer) == ((414, "uri_too_long") if begin == b"GET /" else (431, "headers_too_large"))
    assert sent < 20_000_000


async def test_an_overlong_address_is_414() -> None:
    async with served() as wire:
        for length in (8_193, 20_000, 70_000):
            [answer] = await wire.say(b"GET /" + b"a" * length + b" HTTP/1.1\r\nHost: a\r\n\r\n")
            assert of(answer) == (414, "uri_too_long")
        [answer] = await wire.say(b"GET /" + b"a" * 8_191 + b" HTTP/1.1\r\nHost: a\r\n\r\n")
        assert answer.status == 200


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        (b"5;x=", b"e" * 1_000),
        (b"0\r\nX: ", b"t" * 1_000),
        (b"0\r\n", b"X: y\r\n" * 200),
        (b"1;a\r\nx\r\n0\r\n", b"A:b\r\n" * 200),
    ],
    ids=["an extension", "a trailer", "trailers", "trailers after data"],
)
async def test_extensions_and_trailers_without_end_are_refused(begin: bytes, piece: bytes) -> None:
    async with served() as wire:
        head = b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        answer, sent = await flood(wire, head + begin, piece, 100_000_000)
        assert of(answer) == (431, "headers_too_large")
        assert sent < 20_000_000
        assert (wire.app.asked, wire.app.left) == ([], 1)


async def test_many_small_chunks_are_a_body_like_any_other() -> None:
    sent = b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 100_000 + b"0\r\n\r\n"
    async with served() as wire:
        [answer] = await wire.say(sent)
    assert answer.json["body"] == "x" * 100_000


async def test_a_head_that_does_not_come_is_408_and_a_silent_connection_ends() -> None:
    async with served(head_seconds=0.3) as wire:
        for pieces in ([b"GET /a HT"], [HEAD], [HEAD[:-9], *[b"X: y\r\n"] * 20], [post() + b"GET"]):
            *before, answer = await wire.say(*pieces, pause=0.05, expected=2 if len(pieces[0]) > 40 else 1)
            assert of(answer) == (408, "request_timeout")
            assert len(before) == (1 if len(pieces[0]) > 40 else 0)
        for silent in (b"", b"\r\n"):
            reader, writer = await wire.connect()
            writer.write(silent)
            async with asyncio.timeout(2):
                assert await reader.read() == b""


async def test_many_slow_connections_end() -> None:
    async with served(head_seconds=0.5) as wire:
        slow = [await wire.connect() for _ in range(300)]
        for _, writer in slow:
            writer.write(b"GET /a HTTP/1.1\r\n")
        [answer] = await wire.say(HEAD + b"\r\n")
        assert answer.status == 200
        async with asyncio.timeout(10):
            said = await asyncio.gather(*(reader.read() for reader, _ in slow))
        assert {each.split(b" ", 2)[1] for each in said} == {b"408"}


async def test_an_idle_connection_ends_and_one_in_use_does_not() -> None:
    async with served(idle_seconds=0.4, head_seconds=0.2) as wire:
        reader, writer = await wire.connect()
        for _ in range(4):
            writer.write(HEAD + b"\r\n")
            answer = await read(reader)
            assert answer is not None
            assert answer.status == 200
            await asyncio.sleep(0.2)
        writer.write(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        assert await read(reader) is not None
        async with asyncio.timeout(2):
            assert await reader.read() == b""


async def test_the_longest_idle_makes_room_and_without_one_who_comes_is_refused() -> None:
    async with served(most=3) as wire:
        first, second = await wire.connect(), await wire.connect()
        for _, writer in (first, second):
            writer.write(HEAD + b"\r\n")
        for reader, _ in (first, second):
            assert await read(reader) is not None
        busy = await wire.connect()
        busy[1].write(HEAD)
        await asyncio.sleep(0.05)
        new = await wire.connect()
        assert await first[0].read() == b""
        new[1].write(HEAD)
        second[1].write(HEAD)
        await asyncio.sleep(0.05)
        assert of(await read((await wire.connect())[0])) == (503, "overloaded")
        for reader, writer in (busy, new, second):
            writer.write(b"\r\n")
            answer = await read(reader)
            assert answer is not None
            assert answer.status == 200


async def test_an_upload_that_stands_still_is_408_and_nothing_is_taken() -> None:
    chunks = post(H2C).replace(b"Content-Length: 5", b"Transfer-Encoding: chunked").replace(b"hello", b"5\r\nhello\r\n")
    async with served(upload_seconds=0.3) as wire:
        for sent in (post()[:-1], post(H2C)[:-1], chunks, post(body=b"x" * 300_000)[:-1]):
            [answer] = await wire.say(sent)
            assert of(answer) == (408, "request_timeout")
        assert (wire.app.asked, wire.app.left) == ([], 4)


async def test_an_upload_has_its_time_by_its_size_and_ends_then() -> None:
    async with served(upload_seconds=0.3, upload_bytes_per_second=1_000) as wire:
        head, _, body = post(body=b"x" * 1_000).partition(b"\r\n\r\n")
        drops = [body[start : start + 100] for start in range(0, 1_000, 100)]
        [answer] = await wire.say(head + b"\r\n\r\n", *drops, pause=0.05)
        assert answer.status == 200
        [answer] = await wire.say(head + b"\r\n\r\n", *drops[:8], *(b"x",) * 20, pause=0.1)
        assert of(answer) == (408, "request_timeout")


async def test_who_does_not_take_an_answer_loses_the_connection() -> None:
    async with served(download_seconds=0.3) as wire:
        _, writer = await wire.connect()
        # As large as asked for: far more than sockets hold.
        writer.write(post(body=b"x" * 30_000_000))
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.sleep(1.5)
        assert wire.crowd._all == set()
