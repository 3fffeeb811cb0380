"""The database's address, read once, by libpq, for both drivers: they differ in what they understand of one.

A server that can be written is asked for unless the address says otherwise, and nobody waits long for one that is gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from app.messages import Message, Told

_DEFAULTS: Final = {
    "target_session_attrs": "read-write",
    "connect_timeout": "5",
    # A host that is gone is noticed after 30 + 3 × 10 quiet seconds, or when it has not acknowledged something for 15.
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
}
_WHOLE: Final = ("connect_timeout", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout")
_OF_ASYNCPG: Final = frozenset(
    (
        *("host", "port", "user", "dbname", "password", "passfile", "service", "servicefile", "target_session_attrs"),
        *("sslmode", "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslpassword", "sslnegotiation"),
        *("ssl_min_protocol_version", "ssl_max_protocol_version", "krbsrvname", "gsslib", "options"),
    )
)
"""What it understands in an address; anything else it would send to the server as a setting."""


class BadAddress(Told, ValueError):
    """What was given is no address of a PostgreSQL database."""


_HINTS: Final = (
    ("port", Message("its port is a number below 65536", "cổng là một số nhỏ hơn 65536")),
    ("integer", Message("a number is expected in it", "trong đó phải có một số")),
    (
        "query parameter",
        Message("a name after ? is not known to PostgreSQL", "PostgreSQL không biết một tên sau dấu ?"),
    ),
    ("option", Message("a name in it is not known to PostgreSQL", "PostgreSQL không biết một tên trong đó")),
    ('"="', Message("it begins with postgresql://", "địa chỉ bắt đầu bằng postgresql://")),
)
"""What libpq's complaint, which may repeat a password, is about."""


_ESCAPED: Final = Message(
    "a password's @, :, / and # are written %40, %3A, %2F and %23",
    "@, :, / và # của mật khẩu viết là %40, %3A, %2F và %23",
)


def _unreadable(dsn: str, why: str = "") -> BadAddress:
    hint = next((hint for word, hint in _HINTS if word in why), None)
    if dsn.partition("?")[0].count("@") > 1 or "#" in dsn:
        hint = _ESCAPED
    return BadAddress(
        Message(
            "CHISO_DATABASE__DSN cannot be read{hint}: postgresql://user:password@host:5432/name, special letters as"
            " %XX",
            "không đọc được CHISO_DATABASE__DSN{hint}: postgresql://user:password@host:5432/name, ký tự đặc biệt viết"
            " %XX",
            hint="" if hint is None else Message(" ({hint})", " ({hint})", hint=hint),
        )
    )


@dataclass(frozen=True)
class Address:
    """Parameters of a connection, by libpq's names."""

    parameters: Mapping[str, str]

    @classmethod
    def of(cls, dsn: str) -> Address:
        """An address as libpq reads it: postgresql://… or key=value pairs.

        Raises:
            BadAddress: it cannot be read; what it says is not repeated, it may hold a password.
        """
        scheme = dsn.partition("://")[0]
        if "://" in dsn and scheme not in ("postgresql", "postgres"):
            raise BadAddress(
                Message(
                    "{scheme}:// is not PostgreSQL; an address begins with postgresql://",
                    "{scheme}:// không phải PostgreSQL; địa chỉ bắt đầu bằng postgresql://",
                    scheme=scheme,
                )
            )
        try:
            found = {name: str(value) for name, value in conninfo_to_dict(dsn).items() if value is not None}
            seconds, *_ = [int((_DEFAULTS | found)[name]) for name in _WHOLE]
            for port in filter(None, found.get("port", "").split(",")):
                if not 0 < int(port) < 65_536:
                    raise _unreadable(dsn, "port")
        except BadAddress:
            raise
        except ProgrammingError as error:
            raise _unreadable(dsn, str(error)) from error
        except ValueError as error:
            raise _unreadable(dsn, "integer") from error
        # 0 and less are libpq's "wait for ever".
        found["connect_timeout"] = str(seconds) if seconds > 0 else _DEFAULTS["connect_timeout"]
        return cls(_DEFAULTS | found)

    def libpq(self) -> str:
        """For psycopg."""
        return make_conninfo(**self.parameters)

    def asyncpg(self) -> dict[str, Any]:
        """Arguments for asyncpg."""
        understood = {name: value for name, value in self.parameters.items() if name in _OF_ASYNCPG}
        if "hostaddr" in self.parameters:
            understood["host"] = self.parameters["hostaddr"]
        return {"dsn": f"postgresql://?{urlencode(understood)}", "timeout": float(self.parameters["connect_timeout"])}

    def sockets(self) -> list[tuple[str, int]]:
        """Options of TCP sockets, by their name in the socket module, as libpq would set them."""
        if self.parameters.get("keepalives") == "0":
            return []
        return [
            ("TCP_KEEPIDLE", int(self.parameters["keepalives_idle"])),
            ("TCP_KEEPINTVL", int(self.parameters["keepalives_interval"])),
            ("TCP_KEEPCNT", int(self.parameters["keepalives_count"])),
            ("TCP_USER_TIMEOUT", int(self.parameters["tcp_user_timeout"])),
        ]
