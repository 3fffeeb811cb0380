"""One dossier in every form that a body, an address and an agency's code may take: it is the same dossier."""

from __future__ import annotations

import codecs
import json
from typing import Any

import pytest

from tests.intake.dvcqg.payloads import dossier, step
from tests.running import Running

SUCCESS = {"error_code": "0", "message": "Thành công"}


@pytest.fixture
def database(stocked_database: str) -> str:
    return stocked_database


def _told(number: int) -> dict[str, Any]:
    code = f"H44.07-260105-{number:04}"
    return dossier(code, NgayTiepNhan="20260105081200", NgayHenTra="20260112170000")


def _other_case(given: Any, change: Any) -> Any:
    if isinstance(given, dict):
        return {change(name): _other_case(value, change) for name, value in given.items()}
    return [_other_case(each, change) for each in given] if isinstance(given, list) else given


def _utf8(given: Any) -> bytes:
    return json.dumps(given, ensure_ascii=False).encode()


FORMS: list[Any] = [
    lambda one: _utf8([one]),
    lambda one: _utf8(one),
    lambda one: _utf8({"data": [one]}),
    lambda one: _utf8({"data": one}),
    lambda one: _utf8({"madonvi": "H44", "service": "DongBoHoSoMC", "isUpdating": "True", "data": [one]}),
    lambda one: _utf8({"MADONVI": "000.00.00.H44", "ISUPDATING": False, "DATA": [one]}),
    lambda one: _utf8({"isUpdating": 1, "data": json.dumps([one])}),
    lambda one: _utf8(json.dumps([one])),
    lambda one: _utf8(json.dumps({"data": json.dumps(one)})),
    lambda one: _utf8([json.dumps(one)]),
    lambda one: _utf8([_other_case(one, str.lower)]),
    lambda one: _utf8([_other_case(one, str.upper)]),
    lambda one: _utf8([_other_case(one, lambda name: name[0].lower() + name[1:])]),
    lambda one: codecs.BOM_UTF8 + _utf8([one]),
    lambda one: json.dumps([one], ensure_ascii=False).encode("utf-16"),
    lambda one: json.dumps([one], ensure_ascii=False).encode("utf-16-le"),
    lambda one: json.dumps([one], ensure_ascii=False).encode("utf-16-be"),
    lambda one: b" \r\n" + _utf8([one]) + b"\n",
]  # fmt: skip


async def test_every_form_of_a_body(served: Running) -> None:
    for number, form in enumerate(FORMS):
        answer = await served.client.post(f"/dvcqg/{served.key}/DongBoHoSoMC", content=form(_told(number)))
        assert (answer.status_code, answer.json()) == (200, SUCCESS), number
    card = (await served.get("/v1/scorecard", unit="H44.07", period="2026")).json()
    assert card["balance"]["received"] == len(FORMS) == 18


async def test_every_form_of_an_address(served: Running) -> None:
    """`dstcode` in the header, the query or nowhere, `isUpdating` wherever it is said, and the old code of success."""
    one, base = _told(1), f"/dvcqg/{served.key}"
    named = {"service": "DongBoHoSoMC", "data": [one]}
    header = {"dstcode": "VN:GOV:000.00.00.G22:vpcpdvcprovider"}
    calls: list[tuple[str, Any, dict[str, str]]] = [
        (base, named, {}),
        (f"{base}/", named, {}),
        (f"{base}/mapi/g", named, header),
        (f"{base}/mapi/g?dstcode=VN:GOV:000.00.00.G22:vpcpdvcprovider", named, {}),
        (f"{base}/mapi/g?SERVICE=DongBoHoSoMC", [one], {}),
        (f"{base}/dongbohosomc", [one], {}),
        (f"{base}/DongBoHoSoMC?isUpdating=True&MaDinhDanhDV=000.00.01.H44", [one], {}),
        (f"{base}/DongBoHoSoMC/isUpdating/False", [one], {}),
        (f"{base}/DongBoHoSoMC/CapNhat", [one], {}),
    ]
    for path, body, headers in calls:
        answer = await served.client.post(path, json=body, headers=headers)
        assert (answer.status_code, answer.json()) == (200, SUCCESS), path
    told = (await served.client.post(f"{base}/mapi/login", json={"username": "a", "password": "b"})).json()
    assert (told["error_code"], len(told["session"])) == ("0", 36)
    again = (await served.client.post(base, json={"username": "a", "password": "b"})).json()
    assert (again["error_code"], again["session"]) == ("0", told["session"])
    card = (await served.get("/v1/scorecard", unit="H44.07", period="2026")).json()
    assert card["balance"]["received"] == 1


async def test_what_is_no_dossier_is_never_success(served: Running) -> None:
    bodies: list[Any] = [{"data": "x"}, {"data": 5}, 5, "x", True, {"data": [[]]}, {"MaHoSo": "x"}]
    for body in bodies:
        for service in ("DongBoHoSoMC", "CapNhatTienDoHoSoMC"):
            answer = (await served.client.post(f"/dvcqg/{served.key}/{service}", json=body)).json()
            assert (answer["error_code"], answer["kept"], len(answer["errors"])) == ("1", 0, 1)


async def test_a_single_step_needs_nothing_around_it(served: Running) -> None:
    await served.client.post(f"/dvcqg/{served.key}/DongBoHoSoMC", json=_told(1))
    bare = {name: value for name, value in step("H44.07-260105-0001", "20260106080000", "5").items()
            if name in ("MaHoSo", "ThoiDiemXuLy", "TrangThai")}  # fmt: skip
    answer = await served.client.post(f"/dvcqg/{served.key}/CapNhatTienDoHoSoMC", json=bare)
    assert answer.json() == SUCCESS
    told = (await served.get("/v1/dossiers/H44.07-260105-0001", unit="H44")).json()
    assert [each["type"] for each in told["events"]].count("dossier.supplement_requested") == 1


AGENCIES = [
    ("000.00.30.H44-260105-0001", "H44", "H44.130"),
    ("H44.130-260105-0002", "000.00.00.H44", "H44.130"),
    ("MOTCUA-0001", "000.00.30.H44", "H44.130"),
    ("MOTCUA-0002", "H44.13", "H44.13"),
    ("MOTCUA-0003", "000.00.00.H44", "H44"),
    ("000.00.00.H44-260105-0001", "", "H44"),
    ("MOTCUA-0004", "", "H44"),
    ("H44-260105-0001", "H44.07", "H44.07"),
    ("H44.07-260105-0003", "H44.13", "H44.13"),
    ("H44.07-260105-0004", "H44.99", "H44.07"),
    ("000.00.30.H44-260105-0002", "H44.07", "H44.07"),
]
"""Code of a dossier, agency of the envelope, and the unit that is meant."""


async def test_an_agency_by_its_old_and_its_new_code(served: Running) -> None:
    for code, agency, unit in AGENCIES:
        body = {"madonvi": agency, "data": [_told(1) | {"MaHoSo": code}]}
        assert (await served.client.post(f"/dvcqg/{served.key}/DongBoHoSoMC", json=body)).json() == SUCCESS
        told = (await served.get(f"/v1/dossiers/{code}", unit="H44")).json()
        assert told["dossier"]["unit"] == unit


@pytest.mark.parametrize("day", ["20260112", "12/01/2026", "2026-01-12", 20260112])
async def test_a_due_day_without_a_time_lasts_until_its_end(served: Running, day: Any) -> None:
    code = "H44.07-260105-0001"
    told = dossier(code, NgayTiepNhan="20260105081200", NgayHenTra=day, TrangThaiHoSo="9",
                   NgayKetThucXuLy="20260112160000")  # fmt: skip
    assert (await served.client.post(f"/dvcqg/{served.key}/DongBoHoSoMC", json=[told])).json() == SUCCESS
    life = (await served.get(f"/v1/dossiers/{code}", unit="H44")).json()["dossier"]
    assert (life["deadline"], life["on_time"]) == ("2026-01-12T23:59:59+07:00", True)
