"""One request and its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveEvent, ASGISendEvent


class Cycle(RequestResponseCycle):
    """uvicorn's cycle that speaks HTTP/1.0 with those who do, and says so when it answers before all was sent."""

    taken = False
    """Whether the application has got the end of the body."""
    _until_close = False

    async def receive(self) -> ASGIReceiveEvent:
        """What came of the body."""
        message = await super().receive()
        if message["type"] == "http.request" and not message["more_body"]:
            self.taken = True
        return message

    async def send(self, message: ASGISendEvent) -> None:
        """Answer."""
        if not self.response_started:
            self._begin(message)
        elif self._until_close:
            # uvicorn counts down to the announced end; here the end of the connection is that of the answer.
            self.expected_content_length = len(message.get("body", b""))  # type: ignore[arg-type]
        await super().send(message)

    def _begin(self, start: Any) -> None:
        if self.more_body:
            # Nobody reads the rest, so no other request can follow on this connection.
            self.keep_alive = False
        if self.scope["http_version"] == "1.0" and not any(
            name.lower() == b"content-length" for name, _ in start.get("headers", ())
        ):
            self.chunked_encoding = False
            self._until_close = True
