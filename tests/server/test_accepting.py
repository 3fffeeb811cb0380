"""Open files: as many as may be, never used up by connections, and told when they are used up all the same."""

from __future__ import annotations

import asyncio
import errno
import logging
import resource
import socket
import subprocess
import sys

import pytest

from app.api.http.metrics import Metrics
from app.server import accepting
from app.server.accepting import Acceptor, room_for_connections, room_for_streams
from app.server.http import claim

from .test_protocol import post
from .wire import read, served

RAISED = """
import resource
from app.server.accepting import raise_open_files
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
print(raise_open_files(), *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(
    ("soft", "hard", "told"), [(256, 1_024, "1024 1024 1024"), (300, 300, "300 300 300"), (256, 900, "900 900 900")]
)
def test_the_soft_limit_is_raised_to_the_hard_one(soft: int, hard: int, told: str) -> None:
    program = RAISED.format(soft=soft, hard=hard)
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == told


def test_connections_leave_files_for_others_and_streams_leave_connections() -> None:
    assert room_for_connections(1_024, 16) == 944
    assert room_for_streams(944) == 826
    assert (room_for_connections(64, 16), room_for_streams(8), room_for_streams(1)) == (1, 7, 0)


class Scarce(socket.socket):
    """A listening socket whose connections cannot be accepted as long as there are failures left."""

    failures = 0

    def accept(self) -> tuple[socket.socket, object]:
        """Fail, or accept."""
        if self.failures:
            self.failures -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


class Greeting(asyncio.Protocol):
    """Says hello."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        transport.write(b"hello")
        transport.close()


async def test_what_cannot_be_accepted_is_counted_told_once_and_taken_in_later(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(accepting, "_REST_SECONDS", 0.01)
    claimed = claim("127.0.0.1", 0)
    listening = Scarce(fileno=claimed.detach())
    listening.failures = 3
    metrics = Metrics()
    acceptor = Acceptor(listening, Greeting, metrics)
    with caplog.at_level(logging.ERROR):
        reader, writer = await asyncio.open_connection("127.0.0.1", listening.getsockname()[1])
        async with asyncio.timeout(10):
            assert await reader.read() == b"hello"
    writer.close()
    await acceptor.close()
    listening.close()
    assert metrics.registry.get_sample_value("chiso_accept_failures_total") == 3
    [record] = caplog.records
    assert record.getMessage() == (
        "a connection could not be accepted: [Errno 24] Too many open files; raise the limit of open files (ulimit -n)"
    )


async def test_with_no_file_left_nobody_is_reset_and_all_are_answered_in_the_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(accepting, "_REST_SECONDS", 0.05)
    async with served() as wire:
        [answer] = await wire.say(post())
        assert answer.status == 200
        reader, writer = await wire.connect()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        second = socket.socket()
        second.setblocking(False)
        used = max(reader_fd for reader_fd in (second.fileno(), writer.get_extra_info("socket").fileno())) + 1
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (used, hard))
            await asyncio.get_running_loop().sock_connect(second, ("127.0.0.1", wire.port))
            with caplog.at_level(logging.ERROR):
                await asyncio.sleep(0.2)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert any("could not be accepted" in each.getMessage() for each in caplog.records)
        await asyncio.get_running_loop().sock_sendall(second, post())
        async with asyncio.timeout(5):
            assert (await asyncio.get_running_loop().sock_recv(second, 1_000)).startswith(b"HTTP/1.1 200 OK\r\n")
        second.close()
        writer.write(post())
        answer_of_first = await read(reader)
        assert answer_of_first is not None
        assert answer_of_first.status == 200


async def test_what_was_accepted_is_a_connection_when_accepting_has_ended() -> None:
    made: list[asyncio.Protocol] = []

    class Counted(asyncio.Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            made.append(self)
            transport.close()

    listening = claim("127.0.0.1", 0)
    acceptor = Acceptor(listening, Counted)
    asked = [socket.create_connection(listening.getsockname()) for _ in range(5)]
    acceptor._accept()
    assert made == []
    await acceptor.close()
    assert len(made) == 5
    for each in (*asked, listening):
        each.close()
