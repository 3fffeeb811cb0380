"""What is said on a connection is read as it was meant, or refused; never half, and never twice."""

from __future__ import annotations

import pytest

from .wire import read, served

H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUA\r\n"
OFFERS = {
    "h2c": H2C,
    "websocket": b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    "tls": b"Upgrade: TLS/1.2\r\nConnection: keep-alive, Upgrade\r\n",
    "unknown": b"connection: upgrade\r\nupgrade: nothing-like-it/9\r\n",
    "several": b"Connection: Upgrade\r\nUpgrade: h2c, websocket\r\nUpgrade: IRC/6.9\r\n",
}
HELLO = ("POST", "/a", b"hello")


def post(more: bytes = b"", body: bytes = b"hello", path: bytes = b"/a", method: bytes = b"POST") -> bytes:
    """A request with a length."""
    return b"%b %b HTTP/1.1\r\nHost: a\r\n%bContent-Length: %d\r\n\r\n%b" % (method, path, more, len(body), body)


def chunked(more: bytes = b"", chunks: bytes = b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n") -> bytes:
    """A request in chunks."""
    return b"POST /a HTTP/1.1\r\nHost: a\r\n%bTransfer-Encoding: chunked\r\n\r\n%b" % (more, chunks)


@pytest.mark.parametrize("offer", OFFERS.values(), ids=OFFERS)
async def test_an_offer_of_another_protocol_is_ignored_and_the_body_is_read(offer: bytes) -> None:
    sent = [post(offer), chunked(offer), post(offer, method=b"PUT")]
    async with served() as wire:
        for whole in sent:
            head, _, body = whole.partition(b"\r\n\r\n")
            for pieces in (
                [whole],
                [head + b"\r\n\r\n", body],
                [head[:40], head[40:] + b"\r\n\r\n" + body[:2], body[2:]],
            ):
                [answer] = await wire.say(*pieces, end=True)
                assert (answer.status, answer.json["body"]) == (200, "hello"), pieces
                assert "upgrade" not in answer.json["headers"]
        [answer] = await wire.say(b"GET /b HTTP/1.1\r\nHost: a\r\n" + offer + b"\r\n")
        assert (answer.status, answer.json["path"]) == (200, "/b")
        assert {body for _, path, body in wire.app.asked if path == "/a"} == {b"hello"}
        assert len(wire.app.asked) == 3 * len(sent) + 1


async def test_every_byte_in_a_packet_of_its_own_is_the_same_request() -> None:
    async with served() as wire:
        [answer] = await wire.say(*(bytes([each]) for each in post(H2C)), pause=0)
        assert (answer.status, answer.json["body"]) == (200, "hello")
    assert wire.app.asked == [HELLO]


async def test_offers_in_a_row_on_one_connection_are_answered_in_order() -> None:
    async with served() as wire:
        requests = [post(H2C, b"one"), post(body=b"two"), chunked(H2C), b"GET /c HTTP/1.1\r\nHost: a\r\n\r\n"]
        answers = await wire.say(b"".join(requests), post(H2C, b"last"), expected=5)
    assert [each.json["body"] for each in answers] == ["one", "two", "hello", "", "last"]


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
AMBIGUOUS = {
    "both": post(b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n" + SMUGGLED),
    "both, and an offer": post(H2C + b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n" + SMUGGLED),
    "both, the other way": b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n"
    b"5c\r\n" + SMUGGLED,
    "two lengths": post(b"Content-Length: 0\r\n", SMUGGLED),
    "a list of lengths": b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello",
    "a sign": b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello",
    "a length that is none": b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: five\r\n\r\nhello",
    "an endless length": b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\nhello",
    "an unknown coding": b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "a coding before": b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "a coding after": b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "two codings": b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"0\r\n\r\n",
    "a coding behind a tab": b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "chunks in 1.0": b"POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "a blank before the colon": b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\nhello",
    "a folded line": b"GET /a HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
    "bare line feeds": b"GET /a HTTP/1.1\nHost: a\n\n",
    "a zero byte": b"GET /a HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
    "no host": b"GET /a HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a target that is none": b"GET http:// HTTP/1.1\r\nHost: a\r\n\r\n",
    "letters beyond ASCII": "GET /xã HTTP/1.1\r\nHost: a\r\n\r\n".encode(),
}


@pytest.mark.parametrize("sent", AMBIGUOUS.values(), ids=AMBIGUOUS)
async def test_what_two_readers_could_read_in_two_ways_is_a_problem_and_the_end(sent: bytes) -> None:
    async with served() as wire:
        for pieces in ([sent], [sent[:30], sent[30:]], [bytes([each]) for each in sent]):
            [answer] = await wire.say(*pieces, pause=0)
            assert answer.status == 400, answer
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["connection"] == "close"
            assert answer.json["instance"] == answer.headers["x-request-id"]
            assert answer.json["code"] in ("invalid_parameter", "incomplete_body")
        assert wire.app.asked == []


CHUNKS = {
    "no number": b"xyz\r\nhello\r\n0\r\n\r\n",
    "a sign": b"-5\r\nhello\r\n0\r\n\r\n",
    "a prefix": b"0x5\r\nhello\r\n0\r\n\r\n",
    "beyond every range": b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    "more than it says": b"3\r\nhello\r\n0\r\n\r\n",
    "less than it says": b"6\r\nhello\r\n0\r\n\r\n",
    "bare line feeds": b"5\nhello\n0\n\n",
    "no end of its line": b"5hello\r\n0\r\n\r\n",
    "nothing": b"\r\n\r\n",
}


@pytest.mark.parametrize("chunks", CHUNKS.values(), ids=CHUNKS)
async def test_broken_chunks_are_a_problem_and_nothing_is_taken(chunks: bytes) -> None:
    async with served() as wire:
        for head, body in ((chunked(chunks=b""), chunks), (chunked(H2C, b""), b"5\r\nhello\r\n" + chunks)):
            for pieces in ([head + body], [head, body]):
                [answer] = await wire.say(*pieces)
                assert (answer.status, answer.json["code"]) == (400, "incomplete_body")
        assert wire.app.asked == []


async def test_fewer_bytes_than_announced_are_a_problem_and_nothing_is_taken() -> None:
    async with served() as wire:
        for head in (post(H2C), post()):
            [answer] = await wire.say(head[:-1], end=True)
            assert (answer.status, answer.json["code"]) == (400, "incomplete_body")
            assert "5 were announced" in answer.json["detail"]
        [answer] = await wire.say(chunked()[:-2], end=True)
        assert (answer.status, answer.json["code"]) == (400, "incomplete_body")
        [answer] = await wire.say(b"GET /a HTTP/1.1\r\nHo", end=True)
        assert (answer.status, answer.json["code"]) == (400, "invalid_parameter")
        assert wire.app.asked == []


async def test_more_bytes_than_announced_are_a_problem_and_nothing_is_taken() -> None:
    async with served() as wire:
        for more in (b"", b"Connection: close\r\n", H2C):
            [answer] = await wire.say(post(more) + b'{"and":"more"}')
            assert (answer.status, answer.json["code"]) == (400, "incomplete_body")
        assert wire.app.asked == []
        # Too late to take it back: it was a request like any other.
        first, second = await wire.say(post(), b'{"and":"more"}', pause=0.2, expected=2)
        assert (first.status, second.status) == (200, 400)


@pytest.mark.parametrize("length", [b"", b"Content-Length: 0\r\n"])
async def test_a_push_whose_body_comes_without_its_length_is_a_problem_and_nothing_is_taken(length: bytes) -> None:
    async with served() as wire:
        for method in (b"POST", b"PUT"):
            head = method + b" /a HTTP/1.1\r\nHost: a\r\n" + length + b"\r\n"
            [answer] = await wire.say(head + b'{"some":"thing"}')
            assert (answer.status, answer.json["code"]) == (400, "incomplete_body")
        assert wire.app.asked == []
        # One without a body is a request like any other, and so is what follows it.
        head = b"POST /a HTTP/1.1\r\nHost: a\r\n" + length + b"\r\n"
        answers = await wire.say(head + post(), expected=2)
        assert [each.status for each in answers] == [200, 200]


async def test_what_was_asked_before_is_answered_before_the_problem() -> None:
    async with served() as wire:
        slow = b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"
        answers = await wire.say(slow + slow + b"\x00\x01\x02\r\n\r\n", expected=3)
        assert [each.status for each in answers] == [200, 200, 400]
        answers = await wire.say(slow + post() + chunked(chunks=b"zz\r\n"), expected=3)
        assert [each.status for each in answers] == [200, 200, 400]
    assert [path for _, path, _ in wire.app.asked] == ["/slow", "/slow", "/slow", "/a"]


async def test_trailers_say_nothing() -> None:
    async with served() as wire:
        [answer] = await wire.say(chunked(chunks=b"5;a=b\r\nhello\r\n0\r\nAuthorization: Bearer x\r\n\r\n"))
        assert answer.json["body"] == "hello"
        assert "authorization" not in answer.json["headers"]


async def test_a_proxy_is_not_what_this_is_and_other_versions_are_not_spoken() -> None:
    async with served() as wire:
        [answer] = await wire.say(b"CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n")
        assert (answer.status, answer.json["code"]) == (405, "method_not_allowed")
        for line in (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", b"GET /\r\n\r\n"):
            [answer] = await wire.say(line)
            assert answer.status == 505, line
        [answer] = await wire.say(b"GET http://b/c?d HTTP/1.1\r\nHost: b\r\n\r\n")
        assert (answer.status, answer.json["path"]) == (200, "/c")
        [answer] = await wire.say(b"\r\n\r\nOPTIONS * HTTP/1.1\r\nHost: b\r\n\r\n")
        assert (answer.status, answer.json["path"]) == (200, "*")


async def test_http_1_0_gets_streams_without_chunks() -> None:
    async with served() as wire:
        [old] = await wire.say(b"GET /stream HTTP/1.0\r\n\r\n")
        assert "transfer-encoding" not in old.headers
        [new] = await wire.say(b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n")
        assert new.headers["transfer-encoding"] == "chunked"
        assert old.body == new.body == b"one two"
        [old] = await wire.say(b"GET /a HTTP/1.0\r\n\r\n")
        assert (old.status, old.headers["connection"]) == (200, "close")


async def test_an_answer_before_the_end_of_the_body_reaches_a_client_that_is_still_sending() -> None:
    async with served() as wire:
        reader, writer = await wire.connect()
        writer.write(b"POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\r\n")
        answer = await read(reader)
        assert answer is not None
        assert (answer.status, answer.headers["connection"]) == (401, "close")
        for _ in range(40):
            writer.write(bytes(1_000_000))
            await writer.drain()
        assert await reader.read() == b""


async def test_a_hundred_requests_may_wait_on_a_connection() -> None:
    async with served() as wire:
        answers = await wire.say(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n" * 2_000, expected=102)
        statuses = [each.status for each in answers]
    assert statuses == [200] * 101 + [503]
