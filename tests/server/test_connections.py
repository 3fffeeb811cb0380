"""What a connection writes in one turn of the loop leaves in one piece, in order, and none of it is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from app.server.connections import Joined


class Wire(asyncio.Transport):
    """Notes what is sent, piece by piece."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[bytes] = []
        self.closed = False

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        assert not self.closed
        self.pieces.append(b"".join(list_of_data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


async def test_head_and_body_leave_together_and_the_next_answer_by_itself() -> None:
    wire = Wire()
    joined = Joined(wire, asyncio.get_running_loop())
    joined.write(b"HTTP/1.1 200 OK\r\n\r\n")
    joined.write(b"body")
    assert wire.pieces == []
    await asyncio.sleep(0)
    assert wire.pieces == [b"HTTP/1.1 200 OK\r\n\r\nbody"]
    joined.write(b"head of a stream")
    await asyncio.sleep(0)
    joined.write(b"event")
    await asyncio.sleep(0)
    assert wire.pieces[1:] == [b"head of a stream", b"event"]


async def test_nothing_is_sent_to_a_client_that_went_in_the_same_turn() -> None:
    wire = Wire()
    joined = Joined(wire, asyncio.get_running_loop())
    joined.write(b"too late")
    wire.close()
    await asyncio.sleep(0)
    assert wire.pieces == []


async def test_what_was_written_is_sent_before_the_connection_closes() -> None:
    wire = Wire()
    joined = Joined(wire, asyncio.get_running_loop())
    joined.write(b"last words")
    joined.close()
    assert (wire.pieces, joined.is_closing()) == ([b"last words"], True)
    await asyncio.sleep(0)
    assert wire.pieces == [b"last words"]
