"""What the portal's catalogue answers say (LayDanhMucCoQuan, LayDanhSachTTHC, LayThuTuc) → the contract's attributes.

An attribute that an answer says nothing about is not among them, and stays as it is: the list of procedures has their
names only, and none of the answers has the online level.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from app.intake.dvcqg.values import Fields
from app.intake.imports import words
from app.messages import Message

Read = tuple[dict[str, Any], list[Message]]
"""Attributes, and what is to be told beside them."""

_PUBLISHED: Final = 1
NOT_PUBLISHED: Final = Message("not published (`TRANGTHAI`)", "chưa công khai (`TRANGTHAI`)")
_DISTRICT: Final = Message("there is no level of districts: none is set", "không còn cấp huyện: không đặt cấp")


def unit(fields: Fields) -> Read:
    """A unit of LayDanhMucCoQuan."""
    # Names have line breaks in them, which Fields.text lets no text have.
    code, told = fields.text("MADONVI") or "", []
    found: dict[str, Any] = {"code": code}
    if isinstance(name := fields.get("TENDONVI"), str):
        found["name"] = words.line(name)
    if (told_level := fields.text("CAPDONVI")) is not None:
        level = words.level(told_level, words.root_of_old(code) or code)
        if words.plain(told_level) in words.DISTRICT:
            told.append(_DISTRICT)
        elif level == told_level:
            told.append(_unknown_level(told_level))
        else:
            found["level"] = level
    return found, told


def procedure(fields: Fields) -> Read:
    """A procedure of LayDanhSachTTHC or LayThuTuc."""
    told: list[Message] = []
    # A number stays one: which code was likely meant is told where it is refused.
    found: dict[str, Any] = {"code": fields.text("MATTHC") or fields.get("MATTHC")}
    if isinstance(name := fields.get("TENTTHC"), str):
        found["name"] = words.line(name)
    sector = next((each.get("TENLINHVUC") for each in fields.objects("LINHVUCTHUCHIEN")), None)
    if isinstance(sector, str):
        found["sector"] = words.line(sector)
    if isinstance(fields.get("KETQUATHUCHIEN"), list):
        found["issues_document"] = bool(fields["KETQUATHUCHIEN"])
    for more in (_levels, _applicants, _ways):
        found |= more(fields, told)
    return found, told


def is_published(fields: Fields) -> bool:
    """Whether a procedure is in force, as far as it is told."""
    return "TRANGTHAI" not in fields or fields.number("TRANGTHAI") == _PUBLISHED


def _unknown_level(word: str) -> Message:
    return Message("a level that is not known here: {word}", "cấp chưa rõ: {word}", word=words.line(word)[:60])


def _levels(fields: Fields, told: list[Message]) -> Mapping[str, Any]:
    found = []
    for word in [each.text("CAPTHUCHIEN") or "" for each in fields.objects("CAPTHUCHIEN")]:
        level = words.level(word)
        if words.plain(word) in words.DISTRICT:
            told.append(_DISTRICT)
        elif level == word:
            told.append(_unknown_level(word))
        else:
            found.append(level)
    return {"levels": list(dict.fromkeys(found))} if found else {}


def _applicants(fields: Fields, told: list[Message]) -> Mapping[str, Any]:
    names = [words.line(each.get("TENDOITUONG", "")) for each in fields.objects("DOITUONGTHUCHIEN")]
    found, unread = words.applicants(names)
    told += [
        Message("an applicant not known here: {who}", "đối tượng chưa rõ: {who}", who=each[:60]) for each in unread
    ]
    return {"applicants": found} if found else {}


def _ways(fields: Fields, told: list[Message]) -> Mapping[str, Any]:
    """What the ways of handing in say together: whether anything costs, and the longest legal time."""
    times = [time for way in fields.objects("CACHTHUCTHUCHIEN") for time in way.objects("THOIGIAN")]
    if not times:
        return {}
    found: dict[str, Any] = {"fee": any(words.costs(each) for each in _amounts(times))}
    days = []
    for time in times:
        told_time, told_unit = time.get("THOIGIANGIAIQUYET"), time.get("DONVITINH", "")
        if told_time is None:
            continue
        read = words.working_days(told_time, told_unit)
        if read is None:
            what = words.line(f"{told_time} {told_unit}")[:60]
            told.append(Message("a legal time not read: {what}", "thời hạn không đọc được: {what}", what=what))
        elif read > 0:
            days.append(read)
    if days:
        found["max_working_days"] = words.rounded_up(max(days))
    return found


def _amounts(times: list[Fields]) -> Iterator[object]:
    for time in times:
        for fee in time.objects("PHILEPHI"):
            yield fee.get("SOTIEN", "")
