"""A map that a person writes (TOML): which header is which column, and what an office's own words mean.

sheet = "Hồ sơ"
[columns]
received = "Ngày vào sổ"
[values.channel]
"Nộp tại một cửa" = "counter"
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from app.domain.portal import state
from app.intake.backfill.columns import FIELDS
from app.intake.checks import likely_name
from app.intake.dvcqg.values import bare
from app.messages import Message, Told, with_likely

_YES_NO: Final = {
    "1": True, "co": True, "yes": True, "true": True, "x": True, "da": True, "dung": True, "v": True, "y": True,
    "0": False, "khong": False, "no": False, "false": False, "chua": False, "n": False,
}  # fmt: skip
_CHANNELS: Final = {
    "1": 1, "counter": 1, "truc tiep": 1, "nop truc tiep": 1, "tai quay": 1, "mot cua": 1, "tai bo phan mot cua": 1,
    "2": 2, "online": 2, "truc tuyen": 2, "nop truc tuyen": 2, "qua mang": 2, "internet": 2, "dich vu cong": 2,
    "3": 3, "postal": 3, "buu chinh": 3, "buu chinh cong ich": 3, "bcci": 3, "qua buu chinh": 3, "buu dien": 3,
    "truc tuyen toan trinh": 2, "truc tuyen mot phan": 2, "nop qua mang": 2, "dvc truc tuyen": 2, "dvctt": 2,
    "nop truc tiep tai bo phan mot cua": 1, "truc tiep tai bo phan mot cua": 1, "nop tai bo phan mot cua": 1,
    "qua bcci": 3, "buu chinh cong ich (bcci)": 3, "nop qua buu chinh": 3,
    "qua buu chinh cong ich": 3, "dich vu buu chinh cong ich": 3, "qua dich vu buu chinh cong ich": 3,
}  # fmt: skip
_STATUSES: Final = {str(each): each for each in sorted(state.STATUSES)} | {
    "moi dang ky": 1, "moi nop": 1, "cho tiep nhan": 1,
    "duoc tiep nhan": 2, "da tiep nhan": 2, "tiep nhan": 2, "moi tiep nhan": 2,
    "khong duoc tiep nhan": 3, "khong tiep nhan": 3, "tu choi tiep nhan": 3,
    "dang xu ly": 4, "dang giai quyet": 4, "dang thu ly": 4,
    "yeu cau bo sung giay to": 5, "yeu cau bo sung": 5, "cho bo sung": 5, "dang bo sung": 5, "cho bo sung giay to": 5,
    "yeu cau thuc hien nghia vu tai chinh": 6, "cho thuc hien nghia vu tai chinh": 6, "cho nghia vu tai chinh": 6,
    "cong dan yeu cau rut ho so": 7, "yeu cau rut ho so": 7, "rut ho so": 7, "da rut": 7, "da rut ho so": 7,
    "dung xu ly": 8,
    "da xu ly xong": 9, "da xu ly": 9, "da giai quyet": 9, "da giai quyet xong": 9, "cho tra ket qua": 9,
    "da co ket qua": 9, "da hoan thanh": 9, "hoan thanh": 9, "da ket thuc": 9, "cho tra": 9, "cho tra kq": 9,
    "da co kq": 9,
    "da tra ket qua": 10, "da tra": 10, "da tra kq": 10, "da tra ket qua cho cong dan": 10,
}  # fmt: skip
_WAYS: Final = {
    "0": 0, "counter": 0, "truc tiep": 0, "tai quay": 0, "mot cua": 0, "tai bo phan mot cua": 0, "nhan truc tiep": 0,
    "1": 1, "postal": 1, "buu chinh": 1, "buu chinh cong ich": 1, "bcci": 1, "qua buu chinh": 1, "buu dien": 1,
    "qua buu chinh cong ich": 1,
}  # fmt: skip
_APPLICANTS: Final = {
    "1": 1, "citizen": 1, "cong dan": 1, "ca nhan": 1, "nguoi dan": 1,
    "2": 2, "organisation": 2, "doanh nghiep": 2, "3": 3, "co quan nha nuoc": 3, "4": 4, "to chuc": 4,
    "to chuc khac": 4,
}  # fmt: skip
_PORTALS: Final = {
    "1": 1, "national": 1, "cong dvc quoc gia": 1, "cong dich vu cong quoc gia": 1, "dvcqg": 1,
    "2": 2, "local": 2, "cong dvc tinh": 2, "cong dich vu cong tinh": 2, "mot cua": 2,
}  # fmt: skip
_PAID: Final = {name: int(truth) for name, truth in _YES_NO.items()} | {
    "2": 2, "national_gateway": 1, "local_gateway": 2, "cong thanh toan quoc gia": 1, "truc tuyen": 1, "truc tiep": 0,
    "tien mat": 0,
}  # fmt: skip
WORDS: Final[Mapping[str, Mapping[str, int]]] = {
    "channel": _CHANNELS,
    "status": _STATUSES,
    "way": _WAYS,
    "applicant": _APPLICANTS,
    "portal": _PORTALS,
    "paid": _PAID,
    **dict.fromkeys(("digitised", "reused", "shared_store", "population_data", "result"), _YES_NO),
}
"""The payload's code for what a cell says (in small letters, without marks), by names of FIELDS."""


class BadMap(Told):
    """A map that cannot be followed."""


@dataclass(frozen=True)
class Map:
    """What a map says: the sheet, headers by names of FIELDS, and words like WORDS, the usual ones too."""

    sheet: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, Mapping[str, int]] = field(default_factory=lambda: WORDS)


def read(path: Path) -> Map:
    """The map of a file.

    Raises:
        BadMap: it is no TOML, or names what there is not.
    """
    try:
        given = tomllib.loads(path.read_text("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadMap(Message("{path}: {why}", "{path}: {why}", path=str(path), why=str(error))) from None
    _only(given, ("sheet", "columns", "values"), "")
    columns, values = _table(given, "columns"), _table(given, "values")
    _only(columns, FIELDS, "columns.")
    _only(values, WORDS, "values.")
    words = dict(WORDS)
    for name in values:
        meant = _table(values, name)
        words[name] = {**words[name], **{_word(said): _code(name, code) for said, code in meant.items()}}
    sheet = given.get("sheet")
    return Map(None if sheet is None else str(sheet), {name: str(each) for name, each in columns.items()}, words)


def _word(text: str) -> str:
    return " ".join(bare(text).split())


def _code(name: str, given: object) -> int:
    code = WORDS[name].get(_word(str(given)))
    if code is None:
        raise BadMap(
            Message(
                "values.{name}: {given} is none of: {known}",
                "`values.{name}`: {given} không thuộc: {known}",
                name=name,
                given=str(given),
                known=", ".join(WORDS[name]),
            )
        )
    return code


def _table(given: Mapping[str, Any], name: str) -> dict[str, Any]:
    table = given.get(name, {})
    if not isinstance(table, dict):
        raise BadMap(Message("{name} must be a table", "{name} phải là một bảng `[…]`", name=name))
    return table


def _only(given: Mapping[str, Any], names: Any, within: str) -> None:
    for each in given:
        if each not in names:
            unknown = Message(
                "{name} is nothing that a map says", "{name} không phải mục của tệp `--map`", name=within + each
            )
            raise BadMap(with_likely(unknown, likely_name(each, names)))
