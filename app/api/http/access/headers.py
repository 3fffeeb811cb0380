"""What answers tell browsers to hold themselves to, and names by which this machine is meant."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

Headers = tuple[tuple[bytes, bytes], ...]

NOSNIFF: Final[Headers] = ((b"x-content-type-options", b"nosniff"),)
"""Of every answer, also to what is no request."""
_SHOWN: Final[Headers] = (
    # Tells others as little as no-referrer, with which a browser would hide the origin of our own forms, too.
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    # Pages of other origins that may read the API fetch it by CORS, to which this does not apply.
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)
_BY_TLS_ONLY: Final[Headers] = ((b"strict-transport-security", b"max-age=31536000"),)
_PUSHES: Final = "/v1/events"
_PRIVATE: Final = b"private, no-cache"


class Guard:
    """The headers that this service adds to its answers.

    Args:
        public: the service's own origin, where that is known; with https browsers are told to use nothing else.
    """

    def __init__(self, public: str | None) -> None:
        by_tls = public is not None and public.startswith("https:")
        self._shown = NOSNIFF + _SHOWN + (_BY_TLS_ONLY if by_tls else ())

    def of(self, method: str, path: str) -> Headers:
        """Those of an answer; one to a push no browser shows."""
        return NOSNIFF if path == _PUSHES and method == "POST" else self._shown


def private(headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers of an answer to a session: for this browser alone, where it may be kept at all."""
    told = dict(headers).get(b"cache-control")
    if told is not None and told != b"no-cache":
        return list(headers)
    return [*(each for each in headers if each[0] != b"cache-control"), (b"cache-control", _PRIVATE)]


def names_this_machine(host: str, public: str | None) -> bool:
    """Whether a Host header names the loopback interface, or the service's own address: any other name may have been
    made to lead here by who owns it, and the page that asks is theirs (DNS rebinding).
    """
    try:
        name = (urlsplit(f"//{host}").hostname or "").removesuffix(".")
    except ValueError:
        return False
    if name == "localhost" or (public is not None and name == urlsplit(public).hostname):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
