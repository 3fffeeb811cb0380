"""An address of the database means the same to both drivers."""

from __future__ import annotations

import pytest
from psycopg.conninfo import conninfo_to_dict

from app.store.connections.address import Address, BadAddress


@pytest.mark.parametrize(
    ("dsn", "libpq", "asyncpg"),
    [
        (
            "postgresql://u:p%40@db:5433/chiso",
            {"host": "db", "port": "5433", "user": "u", "password": "p@", "dbname": "chiso"},
            "postgresql://?user=u&password=p%40&dbname=chiso&host=db&port=5433",
        ),
        (
            "postgresql://h1:1,h2:2/chiso?connect_timeout=3&sslmode=require",
            {"host": "h1,h2", "port": "1,2", "dbname": "chiso", "connect_timeout": "3", "sslmode": "require"},
            "postgresql://?host=h1%2Ch2&port=1%2C2&dbname=chiso&sslmode=require",
        ),
        (
            "host=/run/pg dbname=chiso application_name=x keepalives_idle=5",
            {"host": "/run/pg", "dbname": "chiso", "application_name": "x", "keepalives_idle": "5"},
            "postgresql://?host=%2Frun%2Fpg&dbname=chiso",
        ),
    ],
)
def test_both_drivers_are_told_the_same(dsn: str, libpq: dict[str, str], asyncpg: str) -> None:
    address = Address.of(dsn)
    defaults = {
        "target_session_attrs": "read-write",
        "connect_timeout": "5",
        "keepalives_idle": "30",
        "keepalives_interval": "10",
        "keepalives_count": "3",
        "tcp_user_timeout": "15000",
    }
    assert conninfo_to_dict(address.libpq()) == defaults | libpq
    told = address.asyncpg()
    assert sorted(told["dsn"].partition("?")[2].split("&")) == sorted(
        [*asyncpg.partition("?")[2].split("&"), "target_session_attrs=read-write"]
    )
    assert told["timeout"] == float(libpq.get("connect_timeout", 5))


def test_a_standby_is_served_from_where_the_address_says_so() -> None:
    address = Address.of("postgresql://db/chiso?target_session_attrs=any")
    assert "target_session_attrs=any" in address.asyncpg()["dsn"]
    assert conninfo_to_dict(address.libpq())["target_session_attrs"] == "any"


@pytest.mark.parametrize("forever", ["0", "-1"])
def test_nobody_waits_for_a_connection_for_ever(forever: str) -> None:
    assert Address.of(f"postgresql://db/chiso?connect_timeout={forever}").asyncpg()["timeout"] == 5.0


@pytest.mark.parametrize(
    ("dsn", "says"),
    [
        ("mysql://u:secret@db/chiso", "mysql:// is not PostgreSQL"),
        ("postgresql://db/chiso?no_such_thing=secret", "cannot be read"),
        ("u:secret@db", "cannot be read"),
        ("postgresql://u:secret@db/chiso?keepalives_idle=soon", "cannot be read"),
        ("postgresql://u:secret@db:99999/chiso", "cannot be read"),
        ("postgresql://db:secret/chiso?connect_timeout=soon", "cannot be read"),
    ],
)
def test_what_is_no_address_is_told_without_repeating_it(dsn: str, says: str) -> None:
    with pytest.raises(BadAddress, match=says) as told:
        Address.of(dsn)
    assert "secret" not in str(told.value)
