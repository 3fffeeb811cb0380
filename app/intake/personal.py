"""Texts that must not come in: what looks like somebody's number, and characters that no text may have."""

from __future__ import annotations

import re
import unicodedata

from app.messages import Message

# Not in a CloudEvents string: control characters, lone surrogates, noncharacters. Line and paragraph separators break
# logs and exports in the same way.
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")

# What nobody sees, or takes for an ordinary blank: other blanks, zero-width characters, soft hyphens, marks of
# direction, byte order marks, variation selectors, fillers.
_UNSEEN = re.compile(
    "[\u00a0\u00ad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u202a-\u202f\u205f-\u206f"
    "\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_MOST_DECOMPOSED = 4
"""Characters that one of composed text may have been written with: a Vietnamese letter has three at most."""

# A name as contracts have them; what else stands in the place of one may be somebody's number or name.
_FIELD_NAME = re.compile(r"[A-Za-z][A-Za-z_]{0,39}[0-9]{0,2}")

_IDENTITY = re.compile(r"0(?:0[1-9]|[1-8][0-9]|9[0-6])[0-9]{9}|[0-9]{9}")
_PHONE = re.compile(r"(?:(?:\+|00)?84|0)[1-9][0-9]{8,9}")
_PHONE_GAPS = re.compile(r"[\s.()\u2010-\u2015\u2212-]+")
_PHONE_HEADS = frozenset("+(08")
_PERSONAL_LONGEST = 40
_BLANK_ENDS = Message("must not begin or end with a blank", "không được bắt đầu hay kết thúc bằng dấu cách")


def is_fit(text: str) -> bool:
    """Whether a text has no control characters, lone surrogates, line separators or noncharacters."""
    return text.isprintable() or _UNFIT.search(text) is None


def is_one_spelling(text: str) -> bool:
    """Whether a printable text needs no look at how it is spelt: it is NFC, and all its characters are to be seen.
    Blanks at its ends are not looked at.
    """
    return text.isascii() or (unicodedata.is_normalized("NFC", text) and _UNSEEN.search(text) is None)


def one_spelling(text: str, longest: int) -> str:
    """A text as identifiers are kept, composed (NFC); one too long for that stays, as it is too long anyway."""
    return text if len(text) > longest * _MOST_DECOMPOSED else unicodedata.normalize("NFC", text)


def spelling_fault(text: str) -> Message | None:
    """Why a text cannot be an identifier that people and programs tell from another; None where nothing is wrong."""
    if found := _UNSEEN.search(text):
        return Message(
            "the invisible or odd blank character U+{point:04X} is not allowed",
            "không được có ký tự ẩn hay dấu cách lạ U+{point:04X}",
            point=ord(found[0]),
        )
    return _BLANK_ENDS if text != text.strip() else None


def field_name(key: str) -> str:
    """The name of a field that a sender made up, as it may be repeated and kept: ``*`` where it looks like none."""
    return key if _FIELD_NAME.fullmatch(key) else "*"


def is_identity_number(text: str) -> bool:
    """Whether the whole text looks like an identity number: 12 digits beginning 001-096 (căn cước) or 9 (CMND)."""
    # The quick way out for nearly everything: no such number begins with a letter.
    if text[:1].isalpha():
        return False
    digits = _plain(text).replace(" ", "")
    return digits.isdigit() and _IDENTITY.fullmatch(digits) is not None


def is_personal(text: str) -> bool:
    """Whether the whole text looks like an identity number or a Vietnamese phone number, however it is spaced."""
    if text[:1].isalpha():
        return False
    plain = _plain(text)
    if is_identity_number(plain):
        return True
    if plain[:1] not in _PHONE_HEADS:
        return False
    # A "0" in brackets after the country code is a habit of letterheads: +84 (0) 24 …
    return _PHONE.fullmatch(_PHONE_GAPS.sub("", plain.replace("(0)", ""))) is not None


def _plain(text: str) -> str:
    """Stripped, with full-width digits and odd spaces made ordinary; nothing when too long to be such a number."""
    text = text.strip()
    if len(text) > _PERSONAL_LONGEST:
        return ""
    if text.isascii():
        return text
    # Invisible characters (zero-width spaces and the like) hide a number from a pattern, not from a reader.
    return "".join(filter(str.isprintable, unicodedata.normalize("NFKC", text))).strip()
