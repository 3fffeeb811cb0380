"""Reading requests: what llhttp finds, bounded in bytes, and refused where two readers could read two things."""

from __future__ import annotations

import asyncio
import enum
import urllib.parse
from typing import Any, Final, NoReturn

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from app.api.http.problems import Problem
from app.messages import Message
from app.server.cycle import Cycle
from app.settings import HttpSettings

_FRAMING: Final = frozenset((b"host", b"content-length", b"transfer-encoding", b"expect"))
_PIPELINED: Final = 100
"""Requests that may wait for those before them on a connection."""


class Stage(enum.IntEnum):
    """How far a connection is; from REFUSED on nothing is read any more."""

    FRESH = 0
    """Nothing has come yet."""
    REST = 1
    """Between two requests, or while one is answered."""
    HEAD = 2
    BODY = 3
    REFUSED = 4
    """Nothing more is read; what was asked before is still answered, then why."""
    LINGERING = 5
    """All is said; what still comes is thrown away."""


class Reading(HttpToolsProtocol):
    """uvicorn's protocol as far as the parser calls it.

    `_heads`: how many heads have begun; `_read`: bytes of the body so far; `_chunks`: how many it came in.
    """

    cycle: Cycle

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        loop: asyncio.AbstractEventLoop | None,
        limits: HttpSettings,
    ) -> None:
        super().__init__(config, server_state, app_state, loop)
        # As strict as llhttp is: what follows a last request is no part of it, and is not overlooked.
        self.parser = httptools.HttpRequestParser(self)
        self._limits = limits
        self._most_head = limits.max_head_bytes
        self._stage = Stage.FRESH
        self._heads = 0
        self._read = 0
        self._chunks = 0
        self._fault: Problem | None = None
        self._on_head()

    def _on_head(self) -> None:
        self._head_bytes = self._hosts = 0
        self._announced: int | None = None
        self._chunked = False
        self._upgrading: tuple[bytes, str] | None = None

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._stage = Stage.HEAD
        self._heads += 1
        self._on_head()

    def on_url(self, url: bytes) -> None:
        """A piece of its address."""
        self.url += url
        if len(self.url) > self._limits.max_url_bytes:
            most = self._limits.max_url_bytes
            self._fail(
                Problem(
                    "uri_too_long",
                    Message("a URL may have at most {most:,} bytes", "địa chỉ có tối đa {most:,} byte", most=most),
                )
            )
        self._head_bytes += len(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; or a trailer, which says nothing here."""
        if self._stage is not Stage.HEAD:
            return
        self._head_bytes += len(name) + len(value) + 4
        if self._head_bytes > self._most_head:
            self._fail(self._too_large())
        name = name.lower()
        if name in _FRAMING:
            self._frame(name, value)
        self.headers.append((name, value))

    def _frame(self, name: bytes, value: bytes) -> None:
        """A header that says where the request ends, or for whom it is."""
        if name == b"host":
            self._hosts += 1
        elif name == b"content-length":
            # llhttp has refused all but digits, a second one, and one beside chunks.
            self._announced = int(value)
        elif name == b"transfer-encoding":
            self._chunked = True
            if value.strip().lower() != b"chunked":
                self._fail(
                    Problem(
                        "incomplete_body",
                        Message(
                            "of transfer codings only chunked is read", "trong các cách truyền chỉ chunked được đọc"
                        ),
                    )
                )
        elif value.lower() == b"100-continue":
            self.expect_100_continue = True

    def on_headers_complete(self) -> None:
        """The head is there: begin to answer, or wait for the answers before."""
        parser = self.parser
        method = parser.get_method()
        if method == b"CONNECT":
            self._fail(
                Problem(
                    "method_not_allowed", Message("this is no proxy", "đây không phải máy chủ trung gian"), status=405
                )
            )
        version = parser.get_http_version()
        if parser.should_upgrade():
            self._upgrading = method, version
            return
        self._require_sound(version)
        path, query = _split(self.url)
        scope = self.scope
        scope["method"] = method.decode("ascii")
        scope["http_version"] = version
        scope["raw_path"] = self.root_path.encode("ascii") + path
        decoded = path.decode("ascii")
        scope["path"] = self.root_path + (urllib.parse.unquote(decoded) if "%" in decoded else decoded)
        scope["query_string"] = query
        before = self.cycle
        self.cycle = Cycle(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=version != "1.0" and parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        self._stage = Stage.BODY
        self._read = self._chunks = 0
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def _require_sound(self, version: str) -> None:
        """Refuse a head that two readers could read in two ways (RFC 9112)."""
        if version not in ("1.0", "1.1"):
            self._fail(
                Problem(
                    "invalid_parameter",
                    Message("HTTP/1.0 and HTTP/1.1 are spoken here", "ở đây dùng HTTP/1.0 và HTTP/1.1"),
                    status=505,
                )
            )
        if self._hosts != 1 and not (version == "1.0" and self._hosts == 0):
            self._fail(Problem("invalid_parameter", Message("name one Host", "hãy nêu một Host"), "Host", status=400))
        if self._chunked and (self._announced is not None or version == "1.0"):
            self._fail(
                Problem(
                    "incomplete_body",
                    Message(
                        "a body has a length or chunks, not both", "nội dung có độ dài hoặc chia khúc, không cả hai"
                    ),
                )
            )
        if len(self.pipeline) >= _PIPELINED:
            self._fail(
                Problem(
                    "overloaded",
                    Message("too many requests wait on this connection", "quá nhiều yêu cầu đang chờ trên kết nối này"),
                )
            )

    def on_chunk_header(self) -> None:
        """A chunk begins."""
        self._chunks += 1

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._read += len(body)
        if self.cycle.response_complete:
            return
        self.cycle.body += body
        if len(self.cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        self.cycle.message_event.set()

    def on_message_complete(self) -> None:
        """The request is there as a whole."""
        if self._upgrading:
            return
        self._stage = Stage.REST
        self.cycle.more_body = False
        self.cycle.message_event.set()

    def _without_offer(self) -> bytes:
        """The head that offered another protocol, for a parser that is to read on.

        A server may ignore the offer (RFC 9110, 7.8), and every stock Java client makes it. The parser would hand over
        what follows as the other protocol's, so another one reads the same head without it, and then the body.
        """
        self.parser = httptools.HttpRequestParser(self)
        assert self._upgrading is not None
        method, version = self._upgrading
        head = [*(name + b": " + value for name, value in self.headers if name != b"upgrade"), b"", b""]
        # Numbered again when it is read.
        self._heads -= 1
        line = b"%b %b HTTP/%b\r\n" % (method, self.url, version.encode())
        return line + b"\r\n".join(head)

    def _fail(self, problem: Problem) -> NoReturn:
        """Stop the parser from within."""
        self._fault = problem
        raise problem

    def _too_large(self) -> Problem:
        most = self._limits.max_head_bytes
        too_large = Message(
            "a request's head may have at most {most:,} bytes", "phần đầu yêu cầu có tối đa {most:,} byte", most=most
        )
        return Problem("headers_too_large", too_large)


def _split(url: bytes) -> tuple[bytes, bytes]:
    """Path and query of a request's target."""
    if url == b"*":
        return url, b""
    parsed = httptools.parse_url(url)
    return parsed.path or b"/", parsed.query or b""
