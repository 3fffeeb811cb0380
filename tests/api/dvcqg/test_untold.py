"""Indicators of which a unit's software tells nothing have no data; what is counted counts, points stay as they are."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.portal.profile import Profile
from app.store.portal import sources, untold
from tests.intake.dvcqg.payloads import dossier
from tests.running import Running

DATES = {"NgayTiepNhan": "20260105081200", "NgayHenTra": "20260112170000", "NgayKetThucXuLy": "20260109100000"}
LATER_FIELDS = ("KenhThucHien", "NoiNopHoSo", "HoSoCoThanhPhanSoHoa", "TaiKhoanDuocXacThucVoiVNeID",
                "DuocThanhToanTrucTuyen", "DSKetNoiCSDL", "HinhThuc", "TaiLieuNop")  # fmt: skip
NONE = {
    "ONLINE_WITH_DOSSIERS", "ONLINE_DOSSIERS", "SO_HOA_GIAY_TO_GIAI_QUYET", "REUSED_DIGITIZED_DATA",
    "SYNCED_WITH_DVCQG_PERSONAL_STORAGE", "CITIZEN_DATA_CONNECTED_DOSSIER", "CITIZEN_DATA_CONNECTED_FORMALITY",
    "PAYMENT_DOSSIERS", "PAYMENT_PROCEDURES", "RECEIVED_BY_POST", "RECEIVED_BY_POST_STAFF", "RETURNED_BY_POST",
    "RETURNED_ONLINE", "SIGNED_RESULT", "FULL_ONLINE_DOSSIERS", "ESSENTIAL_ONLINE_SUM", "ESSENTIAL_ONLINE_MEAN",
}  # fmt: skip


def old(subject: str, **more: Any) -> dict[str, Any]:
    """A dossier as the payload was before it had channels, flags and online payments."""
    told = dossier(subject, **DATES, TrangThaiHoSo="9")
    return {name: value for name, value in told.items() if name not in LATER_FIELDS} | more


@pytest.fixture(autouse=True)
async def catalogued(served: Running) -> None:
    await served.catalogue()


async def push(served: Running, *elements: Any) -> None:
    answer = await served.client.post(f"/dvcqg/{served.key}/DongBoHoSoMC", json=list(elements))
    assert answer.json() == {"error_code": "0", "message": "Thành công"}, answer.text


async def settle(served: Running) -> None:
    await served.service.follower.finish()
    await untold.settle(served.service.database)


async def card(served: Running, unit: str) -> tuple[Any, dict[str, dict[str, Any]]]:
    told = (await served.get("/v1/scorecard", unit=unit, period="2026")).json()
    every = [each for group in told["groups"] for each in group["indicators"]] + told["operational"]
    return told["total"], {each["code"]: each for each in every}


async def figure(served: Running, unit: str, code: str) -> tuple[Any, ...]:
    found = (await card(served, unit))[1][code]
    return tuple(found[name] for name in ("numerator", "denominator", "ratio", "score"))


async def test_what_no_source_of_a_unit_tells_is_no_data_and_not_zero(served: Running) -> None:
    await push(served, *(old(f"H44.13-260105-000{number}") for number in range(1, 4)))
    before, figures = await card(served, "H44.13")
    assert figures["ONLINE_DOSSIERS"]["numerator"] == 0
    await settle(served)
    total, figures = await card(served, "H44.13")
    assert total == before
    assert {code for code, each in figures.items() if "note" in each} == NONE
    for code in NONE:
        assert [figures[code][name] for name in ("numerator", "denominator", "ratio", "score")] == [None] * 4, code
    assert figures["DOSSIER_ON_TIME"]["numerator"] == figures["DOSSIER_ON_TIME"]["denominator"] == 3
    # Links of results were always part of the payload: none told is none.
    result = figures["ORIGINAL_RESULT_AVAILABLE"]
    assert (result["numerator"], "note" in result) == (0, False)
    listed = (
        await served.get("/v1/dossiers", unit="H44.13", indicator="ONLINE_DOSSIERS", period="2026", side="denominator")
    ).json()
    assert (listed["total"], len(listed["items"])) == (3, 3)
    rows = (
        await served.get("/v1/ranking", unit="H44", level="department", indicator="ONLINE_DOSSIERS", period="2026")
    ).json()
    assert [(each["rank"], each["score"]) for each in rows["rows"] if each["unit"]["code"] == "H44.13"] == [
        (None, None)
    ]


async def test_what_is_counted_counts_at_once_and_what_is_told_once_is_data(served: Running) -> None:
    await push(served, old("H44.13-260105-0001"))
    await settle(served)
    assert await figure(served, "H44.13", "ONLINE_DOSSIERS") == (None, None, None, None)
    await push(served, old("H44.13-260105-0002", KenhThucHien="2"))
    assert await figure(served, "H44.13", "ONLINE_DOSSIERS") == (1, 2, 50, 6)
    await push(served, old("H44.13-260105-0002", KenhThucHien="1"))
    assert await figure(served, "H44.13", "ONLINE_DOSSIERS") == (None, None, None, None)
    await settle(served)
    assert await figure(served, "H44.13", "ONLINE_DOSSIERS") == (0, 2, 0, 0)
    assert await figure(served, "H44.13", "REUSED_DIGITIZED_DATA") == (None, None, None, None)


async def test_what_is_not_believed_is_no_data_until_it_is_believed_again(served: Running) -> None:
    await push(served, old("H44.13-260105-0001", KenhThucHien="1"))
    await settle(served)
    for untrusted, expected in ((["KenhThucHien"], (None,) * 4), ([], (0, 1, 0, 0))):
        async with served.service.database.connection("write") as connection:
            root_id = await connection.fetchval("SELECT id FROM root WHERE code = 'H44'")
            assert await sources.put(connection, root_id, "/dvcqg/H44", "H44", Profile(frozenset(untrusted)))
        await settle(served)
        assert await figure(served, "H44.13", "ONLINE_DOSSIERS") == expected


async def test_of_mixed_sources_what_is_known_counts(served: Running) -> None:
    """H44.07 tells by events, which can tell everything; so the province has data, and each unit its own."""
    await push(served, old("H44.13-260105-0001"))
    event = served.event("dossier.received", procedure="1.004555", channel="counter")
    assert (await served.push([event]))["accepted"] == 1
    await settle(served)
    assert await figure(served, "H44.13", "REUSED_DIGITIZED_DATA") == (None, None, None, None)
    assert await figure(served, "H44.07", "REUSED_DIGITIZED_DATA") == (0, 1, 0, 0)
    assert await figure(served, "H44", "REUSED_DIGITIZED_DATA") == (0, 2, 0, 0)


async def test_settling_again_changes_nothing(served: Running) -> None:
    await push(served, old("H44.13-260105-0001"))
    await settle(served)

    async def revision() -> Any:
        async with served.service.database.connection("read") as connection:
            return await connection.fetchval("SELECT revision FROM root WHERE code = 'H44'")

    before = await revision()
    await settle(served)
    assert await revision() == before
