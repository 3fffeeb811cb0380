"""What is wrong with a dossier costs only that; what the catalogue lacks waits for it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from app.api.dvcqg import parked, receive
from tests.intake.dvcqg.payloads import dossier, step
from tests.running import Running


@pytest.fixture
def database(stocked_database: str) -> str:
    return stocked_database


SOUND: dict[str, Any] = {"NgayTiepNhan": "20260105081200", "NgayHenTra": "20260112170000"}
CODE = "H44.07-260105-0001"


async def told(served: Running, *elements: Any, service: str = "DongBoHoSoMC", key: str = "") -> Any:
    answer = await served.client.post(f"/dvcqg/{key or served.key}/{service}", json=list(elements))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def received(served: Running, unit: str = "H44") -> int:
    answer = await served.get("/v1/scorecard", unit=unit, period="2026")
    count: int = answer.json()["balance"]["received"]
    return count


@pytest.mark.parametrize(
    ("wrong", "code", "field"),
    [
        ({"MaHoSo": ""}, "invalid_code", "MaHoSo"),
        ({"MaHoSo": None}, "invalid_code", "MaHoSo"),
        ({"MaHoSo": "hồ sơ của bà Thử"}, "invalid_code", "MaHoSo"),
        ({"MaHoSo": "001099000111"}, "personal_data", "MaHoSo"),
        ({"NgayTiepNhan": "hôm qua"}, "invalid_value", "NgayTiepNhan"),
        ({"NgayTiepNhan": "20261305081200"}, "invalid_value", "NgayTiepNhan"),
        ({"NgayHenTra": "19700101000000"}, "time_out_of_range", "NgayHenTra"),
        ({"NgayTiepNhan": "20270105081200"}, "future_time", "NgayTiepNhan"),
    ],
)
async def test_one_wrong_dossier_costs_only_itself(
    served: Running, wrong: dict[str, Any], code: str, field: str | None
) -> None:
    bad = dossier("H44.07-260105-0002", **SOUND) | wrong
    answer = await told(served, dossier(CODE, **SOUND), bad, dossier("H44.07-260105-0003", **SOUND))
    assert answer["error_code"] == "1"
    assert "thành công" not in answer["message"].lower()
    assert "đã tồn tại" not in answer["message"].lower()
    [error] = answer["errors"]
    assert (error["index"], error["code"]) == (1, code)
    assert field is None or error["field"] == field
    assert await received(served) == 2


@pytest.mark.parametrize("element", [None, 1, "x", [], {}, {"x": 1}])
@pytest.mark.parametrize("service", ["DongBoHoSoMC", "CapNhatTienDoHoSoMC"])
async def test_what_is_no_dossier_is_told_and_the_others_are_kept(served: Running, element: Any, service: str) -> None:
    sound = dossier(CODE, **SOUND) if service == "DongBoHoSoMC" else step(CODE, "20260105081200", "2")
    answer = await told(served, element, sound, service=service)
    assert answer["error_code"] == "1"
    assert [each["index"] for each in answer["errors"]] == [0]
    assert answer["kept"] == 1


@pytest.mark.parametrize("body", [b"[]", b'{"data":[]}', b'{"session":"x","Data":null}'])
async def test_none_is_success(served: Running, body: bytes) -> None:
    answer = await served.client.post(f"/dvcqg/{served.key}/DongBoHoSoMC", content=body)
    assert answer.json() == {"error_code": "0", "message": "Thành công"}


@pytest.mark.parametrize("service", ["DongBoHoSoMC", "CapNhatTienDoHoSoMC", "NoiHoSo"])
@pytest.mark.parametrize(
    "body", [b"", b" ", b"{}", b"null", b'{"session":"x","danhSach":[{"MaHoSo":"H44.07-260105-0001"}]}']
)
async def test_a_body_without_a_place_for_dossiers_is_no_success(served: Running, body: bytes, service: str) -> None:
    """Whatever it was meant to bring is not kept, so its sender must not take it for done."""
    answer = await served.client.post(f"/dvcqg/{served.key}/{service}", content=body)
    told = answer.json()
    code = {"NoiHoSo": told.get("code")}.get(service, told.get("error_code"))
    assert (answer.status_code, code) in ((200, "1"), (422, 422))
    assert told["message"] == "nội dung không có hồ sơ hay bước nào: cần một mảng, hoặc `data`"


async def test_codes_that_are_none_are_told_beside_success(served: Running) -> None:
    wrong = {"TrangThaiHoSo": "Đã trả kết quả", "KenhThucHien": "Trực tuyến", "MaTTHC": "abc"}
    answer = await told(served, dossier(CODE, **SOUND), dossier(CODE, **SOUND | wrong))
    assert (answer["error_code"], answer["message"]) == ("0", "Thành công")
    assert [(each["index"], each["MaHoSo"], each["field"], each["code"]) for each in answer["warnings"]] == [
        (1, CODE, "TrangThaiHoSo", "invalid_value"),
        (1, CODE, "MaTTHC", "invalid_code"),
        (1, CODE, "KenhThucHien", "invalid_value"),
    ]
    assert answer["warnings"][0]["detail"] == "không phải mã 1 đến 10: coi như không gửi"
    answer = await told(served, step(CODE, "20260106081200", "x"), {}, service="CapNhatTienDoHoSoMC")
    assert [each["index"] for each in answer["errors"]] == [1]
    assert [(each["index"], each["field"]) for each in answer["warnings"]] == [(0, "TrangThai")]
    assert await received(served) == 1


async def test_a_time_that_nobody_has_set_is_none(served: Running) -> None:
    unset = {"NgayTra": "0001-01-01T00:00:00", "NgayKetThucXuLy": "01/01/0001 00:00:00", "NgayTuChoi": "00010101000000"}
    assert await told(served, dossier(CODE, **SOUND, **unset)) == {"error_code": "0", "message": "Thành công"}
    assert await received(served) == 1


@pytest.mark.parametrize(
    ("field", "status"),
    [("NgayTiepNhan", "2"), ("NgayKetThucXuLy", "9"), ("NgayTra", "10"), ("NgayTuChoi", "3"), ("NgayNopHoSo", "1")],
)
async def test_a_time_to_come_is_told_by_its_field(served: Running, field: str, status: str) -> None:
    times = SOUND | {"TrangThaiHoSo": status, field: "20990105081200"}
    [error] = (await told(served, dossier(CODE, **times)))["errors"]
    assert (error["code"], error["field"]) == ("future_time", field)


async def test_a_time_to_come_costs_only_its_own_message(served: Running) -> None:
    """Else everything that is told of the dossier afterwards would be refused."""
    await told(served, dossier(CODE, **SOUND))
    steps = [step(CODE, "20260106081200", "5"), step(CODE, "20990105081200", "5")]
    answer = await told(served, *steps, service="CapNhatTienDoHoSoMC")
    assert [(each["index"], each["code"], each["field"]) for each in answer["errors"]] == [
        (1, "future_time", "ThoiDiemXuLy")
    ]
    assert answer["kept"] == 1
    listed = [{"NgayBoSung": "20260106081200", "NgayTiepNhanBoSung": "20990105081200"}]
    for early, field in (
        ({"TrangThaiHoSo": "10", "NgayTra": "20990105081200"}, "NgayTra"),
        ({"DanhSachHoSoBoSung": listed}, "DanhSachHoSoBoSung.NgayTiepNhanBoSung"),
        ({"TrangThaiHoSo": "7", "NgayKetThucXuLy": "20990105081200"}, "NgayKetThucXuLy"),
    ):
        [error] = (await told(served, dossier(CODE, **SOUND, **early)))["errors"]
        assert (error["code"], error["field"]) == ("future_time", field)
    done = {"TrangThaiHoSo": "9", "NgayKetThucXuLy": "20260107081200"}
    assert await told(served, dossier(CODE, **SOUND, **done)) == {"error_code": "0", "message": "Thành công"}
    life = (await served.get(f"/v1/dossiers/{CODE}", unit="H44")).json()["dossier"]
    assert (life["ended_at"], life["on_time"]) == ("2026-01-07T08:12:00+07:00", True)


async def test_what_is_no_json_is_a_problem(served: Running) -> None:
    answer = await served.client.post(f"/dvcqg/{served.key}/DongBoHoSoMC", content=b'{"data":[')
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_json")


async def test_a_service_that_is_none(served: Running, capfd: pytest.CaptureFixture[str]) -> None:
    """Whatever is asked about a person there is neither looked at nor told again."""
    base, body = f"/dvcqg/{served.key}", {"service": "TraCuuTechID", "provider": "wso2is", "mstorcmnd": "001099000111"}
    answers = [
        await served.client.post(f"{base}/DongBoDanhGia", json={}),
        await served.client.post(f"{base}/TraCuuTechID/001099000111", json=body),
        await served.client.get(f"{base}/TraCuuTechID", params={"mstorcmnd": "001099000111"}),
        await served.client.post(base, json=body),
        await served.client.get(base),
    ]
    assert {answer.status_code for answer in answers} == {200}
    unnamed = "chưa nêu dịch vụ: ở cuối địa chỉ (…/DongBoHoSoMC) hoặc trong `service`"
    messages = [f"dịch vụ không có: {name}" for name in ("dongbodanhgia", "tracuutechid", "tracuutechid")]
    assert [answer.json() for answer in answers] == [
        {"error_code": "1", "message": message} for message in [*messages, unnamed, unnamed]
    ]
    assert "001099000111" not in "".join(capfd.readouterr())


async def test_what_pushes_is_told_so_by_get(served: Running) -> None:
    for service in ("DongBoHoSoMC", "CapNhatTienDoHoSoMC", "NoiHoSo"):
        answer = await served.client.get(f"/dvcqg/{served.key}/{service}")
        assert answer.json() == {"error_code": "1", "message": "dịch vụ này nhận bằng POST"}
    assert (await served.client.head(f"/dvcqg/{served.key}/LayDanhMucCoQuan")).status_code == 200


async def test_a_dossier_of_a_unit_that_is_not_there_waits_for_it(served: Running) -> None:
    new, old = "H44.99-260105-0001", "000.00.77.H44-260105-0001"
    answer = await told(served, dossier(new, **SOUND), dossier(old, **SOUND))
    assert answer == {"error_code": "0", "message": "Thành công", "waiting": 2}
    assert await received(served) == 0
    units = [{"code": "H44.99", "name": "Xã Mới", "level": "commune", "aliases": ["000.00.77.H44"]}]
    assert (await served.put("/v1/units", units)).json()["errors"] == []
    async with served.service.database.connection("read") as connection:
        root_id = await connection.fetchval("SELECT id FROM root")
    await parked.release(served.service, root_id)
    assert await received(served, "H44.99") == 2


async def test_who_is_interrupted_while_waiting_dossiers_are_counted_is_made_good(
    served: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their sender was told that they are kept, and sends nothing more."""
    codes = [f"H44.99-260105-{number:04}" for number in range(3)]
    await told(served, *(dossier(each, **SOUND) for each in codes))
    units = [{"code": "H44.99", "name": "Xã Mới", "level": "commune"}]
    assert (await served.put("/v1/units", units)).json()["errors"] == []
    async with served.service.database.connection("read") as connection:
        root_id = await connection.fetchval("SELECT id FROM root")

    async def dies(*_: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(receive, "take_in", dies)
        with pytest.raises(KeyboardInterrupt):
            await parked.release(served.service, root_id)
    assert await received(served, "H44.99") == 0
    await parked.release(served.service, root_id)
    assert await received(served, "H44.99") == 3
    async with served.service.database.connection("read") as connection:
        assert await connection.fetchval("SELECT count(*) FROM portal_dossier WHERE parked OR faults <> 0") == 0


async def test_a_dossier_of_another_unit_than_the_keys_is_refused(served: Running) -> None:
    key = await served.make_key("H44.13", "ingest")
    answer = await told(served, dossier(CODE, **SOUND), key=key)
    assert (answer["error_code"], answer["errors"][0]["code"]) == ("1", "forbidden_unit")
    assert await received(served) == 0


async def test_a_unit_that_the_key_will_never_reach_is_refused_before_it_is_there(
    served: Running, capfd: pytest.CaptureFixture[str]
) -> None:
    """What waited for it would never be counted, with nobody told."""
    key = await served.make_key("H44.13", "ingest")
    codes = ("H44.99-260105-0001", "H44.130.1-260105-0001", "H44.13.9-260105-0001", "000.00.99.H44-260105-0001")
    answer = await told(served, *[dossier(code, **SOUND) for code in codes], key=key)
    assert [(each["index"], each["code"]) for each in answer["errors"]] == [
        (0, "forbidden_unit"),
        (1, "forbidden_unit"),
    ]
    assert answer["kept"] == 2
    # What an old code stands for is known only once somebody has said so.
    units = [{"code": "H44.99", "name": "Xã Mới", "level": "commune", "aliases": ["000.00.99.H44"]}]
    assert (await served.put("/v1/units", units)).json()["errors"] == []
    async with served.service.database.connection("read") as connection:
        root_id = await connection.fetchval("SELECT id FROM root")
    await parked.release(served.service, root_id)
    [told_of] = [line for line in "".join(capfd.readouterr()).splitlines() if "kept are refused" in line]
    assert "dossiers=1" in told_of
    assert "forbidden_unit" in told_of


async def test_a_dossiers_unit_is_that_of_its_state_whatever_steps_say(served: Running) -> None:
    """Codes of some software name no unit, and its steps come without an agency."""
    code, key = "MOTCUA-0001", served.key
    body = {"service": "DongBoHoSoMC", "madonvi": "000.00.30.H44", "data": [dossier(code, **SOUND)]}
    answer = await served.client.post(f"/dvcqg/{key}", json=body)
    assert answer.json()["error_code"] == "0"
    await told(served, step(code, "20260106081200", "4"), service="CapNhatTienDoHoSoMC")
    assert await received(served, "H44.130") == 1


async def test_two_that_tell_of_the_same_new_dossier_at_once_are_both_heard(served: Running) -> None:
    """One tells its state, the other steps: whichever comes second goes on from what the first has told."""
    steps = [step(CODE, "20260107080000", "5"), step(CODE, "20260109080000", "4")]
    for number in range(10):
        code = f"H44.07-260105-{number:04}"
        state, progress = dossier(code, **SOUND), [each | {"MaHoSo": code} for each in steps]
        answers = await asyncio.gather(
            told(served, state), told(served, *progress, service="CapNhatTienDoHoSoMC"), told(served, state)
        )
        assert [each["error_code"] for each in answers] == ["0"] * 3
        life = (await served.get(f"/v1/dossiers/{code}", unit="H44")).json()
        # Due on the 12th at five, and two days of the supplement.
        assert life["dossier"]["deadline"] == "2026-01-14T17:00:00+07:00", code


async def test_what_is_refused_leaves_nothing(served: Running) -> None:
    key = await served.make_key("H44.13", "ingest")
    await told(served, dossier(CODE, **SOUND), key=key)
    async with served.service.database.connection("read") as connection:
        assert await connection.fetchval("SELECT count(*) FROM portal_dossier") == 0
