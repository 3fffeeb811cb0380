"""Kinds of values that settings have, each refused in words that say what it should be."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr


def no_blank(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().strip():
        raise ValueError("it is empty: give it a value, or do not set it")
    return secret


def of_postgres(dsn: SecretStr) -> SecretStr:
    scheme, found, _ = no_blank(dsn).get_secret_value().partition("://")
    if not found or scheme not in ("postgresql", "postgres"):
        # Without "://" it may be anything, a password too.
        named = f", not {scheme}://" if found and re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]{0,30}", scheme) else ""
        raise ValueError(f"it begins with postgresql://{named}, as in postgresql://user:password@host:5432/name")
    return dsn


def some_folder(path: Path) -> Path:
    if path == Path():
        raise ValueError("it is empty: name a folder, or do not set it")
    return path


def of_origin(text: str) -> str:
    """An origin as browsers write it: scheme, host and, where it is not the scheme's own, port."""
    parts = urlsplit(text.strip())
    port = {"http": ":80", "https": ":443"}.get(parts.scheme)
    bare = (parts.path in ("", "/"), not parts.query, not parts.fragment, "@" not in parts.netloc, "*" not in text)
    if port is None or not parts.hostname or not all(bare):
        raise ValueError("it is a scheme, a host and perhaps a port, as in https://ioc.example.vn")
    return f"{parts.scheme}://{parts.netloc.lower().removesuffix(port)}"


def of_origins(origins: list[str]) -> list[str]:
    return origins if origins == ["*"] else [of_origin(each) for each in origins]


def of_issuer(text: str) -> str:
    parts = urlsplit(text)
    near = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")
    if not parts.hostname or not (parts.scheme == "https" or near):
        raise ValueError("it begins with https://, as in https://sso.example.vn/realms/office")
    return text


Secret = Annotated[SecretStr, AfterValidator(no_blank)]
Origin = Annotated[str, AfterValidator(of_origin)]
