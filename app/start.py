"""What a start rests on: the secret behind the keys, a database of this version's revision, the store over it."""

from __future__ import annotations

import contextlib
import secrets
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from app.messages import Message, Told
from app.settings import Settings
from app.store import check
from app.store.catalogues.read import CatalogueCache
from app.store.connections.database import Clock, Database
from app.store.feeds.follow import Follower
from app.store.keys import Keys
from app.store.store import Store
from app.store.write.gather import Gatherer
from app.store.write.intake import Intake
from app.store.write.refold import Refolder

_SECONDS: Final = 15.0
"""The longest that a start waits for the database."""


class Unwritable(Told):
    """The data directory cannot be written to."""


def known_pepper(settings: Settings) -> bytes | None:
    """The secret that keys the HMAC of API keys: the setting, else the file in the data directory, if there is one."""
    return _known(settings.auth.pepper, settings.data_dir / "pepper")


def previous_peppers(settings: Settings) -> tuple[bytes, ...]:
    """The one that is being replaced: the setting, else a file beside the pepper's; empty where there is none."""
    known = _known(settings.auth.previous_pepper, settings.data_dir / "pepper.previous")
    return () if known is None else (known,)


def known_peppers(settings: Settings) -> tuple[bytes, ...]:
    """Those in force, as far as there are any yet."""
    known = known_pepper(settings)
    return (*(() if known is None else (known,)), *previous_peppers(settings))


def _known(setting: SecretStr | None, file: Path) -> bytes | None:
    if setting is not None:
        # A variable may hold any bytes, those of a generated file too.
        return setting.get_secret_value().encode("utf-8", "surrogateescape")
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unwritable(
            Message(
                "{file} cannot be read ({why}): set CHISO_AUTH__PEPPER",
                "không đọc được {file} ({why}): hãy đặt CHISO_AUTH__PEPPER",
                file=str(file),
                why=str(error.strerror),
            )
        ) from error


def pepper(settings: Settings) -> bytes:
    """The known pepper; without one a file in the data directory is made, once.

    Raises:
        Unwritable: it cannot be made.
    """
    known = known_pepper(settings)
    if known is not None:
        return known
    file = settings.data_dir / "pepper"
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            _write_once(file, secrets.token_bytes(32))
        return file.read_bytes()
    except OSError as error:
        raise Unwritable(
            Message(
                "the secret behind the API keys cannot be kept in {folder} ({why}): set CHISO_AUTH__PEPPER, or"
                " CHISO_DATA_DIR to a folder that can be written to",
                "không lưu được bí mật của các khóa API trong {folder} ({why}): hãy đặt CHISO_AUTH__PEPPER, hoặc"
                " CHISO_DATA_DIR là thư mục ghi được",
                folder=str(settings.data_dir),
                why=str(error.strerror),
            )
        ) from error


def weakness(settings: Settings) -> Message | None:
    """What is to be said of a pepper that could be guessed; it is taken all the same."""
    pepper = settings.auth.pepper
    if pepper is None or len(pepper.get_secret_value()) >= _LEAST_PEPPER:
        return None
    return Message(
        "CHISO_AUTH__PEPPER is shorter than {least} letters: who gets hold of the database could guess it;"
        " before the next keys are made choose a longer one, as README says",
        "CHISO_AUTH__PEPPER ngắn hơn {least} ký tự: ai lấy được cơ sở dữ liệu có thể đoán ra;"
        " trước khi tạo thêm khóa API hãy chọn chuỗi dài hơn, như README nêu",
        least=_LEAST_PEPPER,
    )


_LEAST_PEPPER: Final = 32


def _write_once(file: Path, content: bytes) -> None:
    """Create a private file whole: linked into place, so that nobody ever reads half of it."""
    draft = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    draft.write_bytes(content)
    try:
        file.hardlink_to(draft)
    finally:
        draft.unlink()


async def prove(settings: Settings, dsn: str) -> Message | None:
    """Make sure that serving can begin; what is amiss, in a line, where that may pass by waiting.

    Raises:
        Exception: something that is to be mended first; `check.told` says how.
    """
    try:
        await check.migrated(dsn, _SECONDS, newer=True)
        await check.keyed(dsn, _SECONDS, *known_peppers(settings))
    except Exception as error:
        if check.passes(error):
            return check.told(error)
        raise
    return None


def create_store(settings: Settings, dsn: str, clock: Clock = lambda: None, secret: bytes | None = None) -> Store:
    """The parts of the store on a database.

    Args:
        clock: returns None for the database's own clock.
        secret: the pepper of the API keys; without it the one of the settings, which is made where there is none.
    """
    database = Database(
        dsn,
        settings.database.write_connections,
        settings.database.read_connections,
        settings.database.acquire_seconds,
        settings.database.read_seconds,
        settings.database.write_seconds,
    )
    catalogue_cache = CatalogueCache(settings.catalogues.max_rows)
    intake = Intake(database, catalogue_cache, clock)
    peppers = (pepper(settings) if secret is None else secret, *previous_peppers(settings))
    return Store(
        settings=settings,
        database=database,
        catalogue_cache=catalogue_cache,
        intake=intake,
        gatherer=Gatherer(intake, settings.intake.max_waiting_events, settings.database.write_seconds),
        refolder=Refolder(database, intake),
        follower=Follower(database, clock),
        keys=Keys(database, *peppers),
        peppers=peppers,
        clock=clock,
    )
