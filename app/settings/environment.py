"""Settings read from the environment; what cannot be meant is told by its name, and no secret with it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Final

from pydantic import BaseModel, ValidationError
from pydantic_settings import SettingsError

from app.messages import Told
from app.settings.settings import Settings


class InvalidSettings(Told):
    """Settings that cannot be meant: a line for each, with what to do."""


_OTHERS: Final = ("CHISO_PG_BIN", "CHISO_KEY")
"""Variables of ours that are no settings: of the embedded server, of `chiso simulate`."""

# Of the tests; and what Kubernetes and Docker tell every container of a service that is called chiso or chiso-….
_NOT_OURS: Final = re.compile(
    r"CHISO_TEST[A-Z_]*|CHISO_([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_\d+_(TCP|UDP|SCTP)(_[A-Z]+)?)"
)
_SECRET: Final = ("__DSN", "PEPPER", "__KEY", "__CLIENT_SECRET")
_LINKED: Final = re.compile(r"CHISO_([A-Z0-9_]+_)?PORT")


def names(model: type[BaseModel] = Settings, prefix: str = "CHISO_") -> Iterator[str]:
    """The variables that are settings; of a group also its own, which may be given whole as JSON."""
    for name, field in model.model_fields.items():
        yield prefix + name.upper()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from names(field.annotation, f"{prefix}{name.upper()}__")


def _no_setting(name: str) -> str:
    suggested = {each.removeprefix("CHISO_"): each for each in (*names(), *_OTHERS)}
    meant = name.upper().removeprefix("CHISO_")
    nearest = [each for each in suggested if each.rpartition("__")[2] == meant]
    nearest = nearest or get_close_matches(meant, suggested, 1, 0.6)
    advice = f"did you mean {suggested[nearest[0]]}?" if nearest else "see docs/settings.md, or do not set it"
    return f"{name} is not a setting: {advice}"


def _unknown(environment: Mapping[str, str]) -> Iterator[str]:
    known = set(names())
    for name, value in sorted(environment.items()):
        upper = name.upper()
        if not upper.startswith("CHISO_") or upper in known or upper in _OTHERS or _NOT_OURS.fullmatch(upper):
            continue
        if _LINKED.fullmatch(upper) and "://" in value:
            continue
        yield _no_setting(name)


def _variable(place: tuple[int | str, ...]) -> str:
    """The variable of a place in the settings. A list's index is no part of it."""
    return "CHISO_" + "__".join(part.upper() for part in place[:2] if isinstance(part, str))


def _wrong(error: ValidationError) -> Iterator[str]:
    for each in error.errors(include_url=False, include_context=False):
        name, given = _variable(each["loc"]), {each.upper() for each in os.environ}
        if each["type"] == "extra_forbidden" and name not in given:
            yield _no_setting(name)  # in a group's JSON
        if each["type"] == "extra_forbidden" or not {name, name.partition("__")[0]} & given:
            continue  # told by its own name already
        says = each["msg"].removeprefix("Value error, ")
        shown = f"={each['input'][:60]}" if isinstance(each["input"], str) and not name.endswith(_SECRET) else ""
        yield f"{name}{shown}: {says[:1].lower()}{says[1:]}"


def _no_json(environment: Mapping[str, str]) -> Iterator[str]:
    """The groups and lists given as something that is no JSON."""
    groups = {name for name, field in Settings.model_fields.items() if isinstance(field.default, BaseModel)}
    whole = {f"CHISO_{name.upper()}" for name in groups} | {"CHISO_METRICS__SOURCES", "CHISO_HTTP__CORS_ORIGINS"}
    for name, value in environment.items():
        if name.upper() in whole:
            try:
                json.loads(value)
            except ValueError:
                yield name


def _incomplete(settings: Settings) -> Iterator[str]:
    """What a setting that is there needs beside it."""
    if settings.oidc.issuer is not None:
        if settings.oidc.client_id is None:
            yield "CHISO_OIDC__CLIENT_ID is not set: the provider of CHISO_OIDC__ISSUER gives it"
        if settings.http.public_url is None:
            yield "CHISO_HTTP__PUBLIC_URL is not set: the provider of CHISO_OIDC__ISSUER sends people back to it"


def of_environment() -> Settings:
    """The settings that the environment holds.

    Raises:
        InvalidSettings: naming every variable at fault, none of them a secret's value.
    """
    faults = list(_unknown(os.environ))
    try:
        settings = Settings()
        faults += _incomplete(settings)
    except ValidationError as error:
        faults += _wrong(error)
    except SettingsError as error:
        at_fault = sorted(_no_json(os.environ)) or [str(error)]
        faults += [f"{each}: not the JSON it is to be; see docs/settings.md" for each in at_fault]
    if faults:
        raise InvalidSettings("\n".join(faults))
    return settings
