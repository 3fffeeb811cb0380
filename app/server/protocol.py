"""HTTP/1 as it is spoken here: uvicorn's protocol on llhttp, bounded in bytes and in seconds before anybody is known.

What is not HTTP, or asks for too much of it, is answered by a problem and the end of the connection; never by a guess.
"""

from __future__ import annotations

import asyncio
import functools
import math
from typing import Any, Final

import httptools
from uvicorn.config import Config
from uvicorn.server import ServerState

from app.api.http.problems import Problem
from app.messages import Message
from app.server.connections import Joined
from app.server.crowd import Crowd
from app.server.reading import Reading, Stage
from app.server.refusals import refusal
from app.settings import Settings

_CHUNK_BYTES: Final = 24
"""What a chunk may take beside its data: its size, the ends of its lines."""
_LINGER_SECONDS: Final = 5.0
_LINGER_BYTES: Final = 256 * 2**20
"""How long, and how much, a client may go on sending that has got its last answer."""


class Http(Reading):
    """A connection."""

    transport: Joined

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        crowd: Crowd | None = None,
    ) -> None:
        self._crowd = crowd or _crowd_of_environment()
        super().__init__(config, server_state, app_state, _loop, self._crowd.settings)
        self.until = math.inf
        self._raw = 0
        self._began = self._heard = 0.0
        self._last_words: Problem | None = None

    # From the transport

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin."""
        self._wire = transport
        super().connection_made(Joined(transport, self.loop, self._is_sending))
        if not self._crowd.enter(self, self.loop):
            full = Problem(
                "overloaded",
                Message("too many connections are open; try again", "đang mở quá nhiều kết nối; hãy thử lại"),
            )
            self._crowd.refused(full.code, full.detail.en)
            self.transport.write(refusal(self.server_state.default_headers, full))
            self.leave()
            return
        self._crowd.rests(self)
        self.until = self.loop.time() + self._limits.head_seconds

    def _is_sending(self) -> bool:
        return self._stage is Stage.BODY

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._crowd.leave(self)
        super().connection_lost(exc)

    def eof_received(self) -> bool:  # type: ignore[override]
        """The client sends no more. True where it may still read: its answer, or that this was too early.

        A client that is gone looks the same; who gets an answer already is taken for gone, or streams would go on.
        """
        if self._stage is Stage.BODY and not self.cycle.response_complete:
            ended = Message(
                "the body ended after {read} bytes: {expected}",
                "nội dung dừng sau {read} byte: {expected}",
                read=self._read,
                expected=self._expected(),
            )
            self._refuse(Problem("incomplete_body", ended))
        elif self._stage is Stage.HEAD:
            self._refuse(
                Problem(
                    "invalid_parameter",
                    Message("the request ended within its head", "yêu cầu dừng khi chưa hết phần đầu"),
                    status=400,
                )
            )
        elif self._stage is Stage.REST and self.cycle is not None and not self.cycle.response_started:
            self.cycle.keep_alive = False
            return True
        if self._stage in (Stage.REFUSED, Stage.BODY):
            return True
        self.transport.close()
        return False

    def _expected(self) -> Message:
        if self._announced is None:
            return Message("its last chunk is missing", "thiếu khúc cuối")
        return Message("{announced} were announced", "đã báo {announced}", announced=self._announced)

    def pause_writing(self) -> None:
        """The client does not take what it asked for."""
        super().pause_writing()
        self.until = self.loop.time() + self._limits.download_seconds

    def resume_writing(self) -> None:
        """It does again."""
        super().resume_writing()
        if self._stage is Stage.REST:
            self.until = math.inf

    def data_received(self, data: bytes) -> None:
        """Read on."""
        before, heads, came = self._stage, self._heads, len(data)
        if before >= Stage.REFUSED:
            self._thrown_away(came)
            return
        self._crowd.wakes(self)
        try:
            while data:
                try:
                    self.parser.feed_data(data)
                    break
                except httptools.HttpParserUpgrade as upgrade:
                    data = self._without_offer() + data[upgrade.args[0] :]
        except httptools.HttpParserError as error:
            self._refuse(self._fault or self._unreadable(error))
            return
        if self._stage is not Stage.REST:
            self._unfinished(before, heads, came)
            return
        if not self.flow.write_paused:
            self.until = math.inf
        if self.cycle is None or self.cycle.response_complete:
            # Blank lines before a request are none.
            self._rest()

    def _thrown_away(self, came: int) -> None:
        self._read += came
        if self._read > _LINGER_BYTES:
            self._wire.abort()

    def _unfinished(self, before: Stage, heads: int, came: int) -> None:
        """A request has not come as a whole: it may take so long, and so much that is not its body."""
        now = self._heard = self.loop.time()
        if self._heads != heads:
            # Of a piece that held the end of another request it is not known how much was of this one.
            self._raw = came if self._heads == heads + 1 and before <= Stage.REST else 0
            self._began = now
        else:
            self._raw += came
        most = self._limits.max_head_bytes
        if self._stage is Stage.FRESH:
            return
        if self._stage is Stage.HEAD:
            if self._raw > most:
                self._refuse(self._too_large())
            elif self._heads != heads:
                self.until = now + self._limits.head_seconds
        elif self._chunked and self._raw - self._read - _CHUNK_BYTES * self._chunks > 2 * most:
            too_long = Message(
                "chunk extensions and trailers may have at most {most:,} bytes",
                "phần mở rộng của khúc và phần đuôi có tối đa {most:,} byte",
                most=most,
            )
            self._refuse(Problem("headers_too_large", too_long))
        else:
            self.until = self._upload_ends()

    # The end

    def on_response_complete(self) -> None:
        """An answer was sent: the next may begin. No timer is set: one looks after all connections (crowd.py)."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            if self._stage is Stage.BODY:
                self._linger()
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self._last_words is not None:
            self._say(self._last_words)
        elif self._stage is Stage.REST:
            self._rest()

    def _rest(self) -> None:
        self.until = self.loop.time() + self._limits.idle_seconds
        self._crowd.rests(self)

    def expire(self, now: float) -> None:
        """What was waited for has not come."""
        if self._wire.is_closing() or self.flow.write_paused:
            if not self.transport.is_closing():
                self._crowd.refused("request_timeout", "an answer was not taken")
            self._wire.abort()
        elif self._stage is Stage.HEAD or self._stage is Stage.BODY:
            self._expire_request(now)
        else:
            self.transport.close()
            self.until = now + _LINGER_SECONDS

    def _expire_request(self, now: float) -> None:
        if self.flow.read_paused:
            # It is we who do not read.
            self._began += 1
            self._heard = now
            self.until = now + 1
        elif self._stage is Stage.HEAD:
            seconds = self._limits.head_seconds
            late = Message(
                "a head has {seconds:g} s to arrive", "phần đầu phải đến trong {seconds:g} giây", seconds=seconds
            )
            self._refuse(Problem("request_timeout", late))
        elif now < (ends := self._upload_ends()):
            self.until = ends
        else:
            late = Message(
                "of the body {read:,} bytes came in time", "chỉ {read:,} byte nội dung đến kịp", read=self._read
            )
            self._refuse(Problem("request_timeout", late))

    def _upload_ends(self) -> float:
        """When the body is to be there as a whole, or at least more of it."""
        first = self._limits.upload_seconds
        whole = first + max(self._announced or 0, self._read) / self._limits.upload_bytes_per_second
        return min(self._began + whole, self._heard + first)

    def shutdown(self) -> None:
        """The process is about to end."""
        if self._stage is Stage.LINGERING:
            self.transport.close()
        else:
            super().shutdown()

    def leave(self) -> None:
        """Make room for somebody who asks."""
        self.transport.close()
        self.loop.call_later(_LINGER_SECONDS, self._wire.abort)

    def _unreadable(self, error: Exception) -> Problem:
        if self._stage is Stage.BODY:
            unread = Message("the body cannot be read: {error}", "không đọc được nội dung: {error}", error=str(error))
            return Problem("incomplete_body", unread)
        if self._overlong():
            more = Message(
                "more came than the {read} bytes that were announced",
                "nhận được nhiều hơn {read} byte đã báo",
                read=self._read,
            )
            return Problem("incomplete_body", more)
        unread = Message("this is not HTTP: {error}", "đây không phải HTTP: {error}", error=str(error))
        return Problem("invalid_parameter", unread, status=400)

    def _overlong(self) -> bool:
        """Whether what cannot be read comes right after a body that nobody has taken yet."""
        between = self._stage is Stage.REST or (self._stage is Stage.HEAD and not self._head_bytes)
        if not between or self.cycle is None or self.cycle.taken:
            return False
        # Nothing may be all that was announced: of a push that is a body that went without its length.
        return self._read > 0 or self.cycle.scope["method"] in ("POST", "PUT")

    def _refuse(self, problem: Problem) -> None:
        """Read no more; say why as soon as all that was asked before is answered."""
        self._crowd.refused(problem.code, problem.detail.en)
        spoilt = self._stage is Stage.BODY or self._overlong()
        self._stage = Stage.REFUSED
        self._last_words = problem
        self.until = math.inf
        cycle = self.cycle
        if spoilt:
            if self.pipeline and self.pipeline[0][0] is cycle:
                self.pipeline.popleft()
                return
            cycle.disconnected = True
            cycle.message_event.set()
            if cycle.response_started:
                self._linger()
                return
        if spoilt or cycle is None or (cycle.response_complete and not self.pipeline):
            self._say(problem)

    def _say(self, problem: Problem) -> None:
        self.transport.write(refusal(self.server_state.default_headers, problem))
        self._linger()

    def _linger(self) -> None:
        """Let the client read its answer: closing while it still sends would take that from it (RFC 9112, 9.6)."""
        self.transport.finish()
        self._stage = Stage.LINGERING
        self._read = 0
        self.flow.resume_reading()
        self.until = self.loop.time() + _LINGER_SECONDS


@functools.cache
def _crowd_of_environment() -> Crowd:
    """For `uvicorn --http app.server.protocol:Http`, which gives nothing along."""
    return Crowd(Settings().http)
