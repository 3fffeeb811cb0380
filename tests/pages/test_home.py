"""Where to go, and how to begin."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.pages import home
from app.settings import AuthSettings
from tests.running import Running, serving, settings_for


async def test_an_empty_service_shows_the_steps_to_whoever_comes(postgres_database: str, tmp_path: Path) -> None:
    settings = settings_for(postgres_database, tmp_path)
    async with serving(settings, postgres_database) as made:
        # The fixture has made a key, and so a root; without one there is nothing to log in to.
        async with made.service.database.connection("write") as connection:
            await connection.execute("DELETE FROM api_key; DELETE FROM calendar_day; DELETE FROM root")
        answer = await made.get("/", key="")
    assert answer.status_code == 200
    assert re.findall(r"<h2>([^<]+)", answer.text) == [
        "Tạo khóa quản trị của tỉnh",
        "Nạp đơn vị và thủ tục hành chính",
        "Gửi sự kiện đầu tiên",
    ]
    assert "chiso keys create --scope admin --unit H44 --new-root" in answer.text


async def test_a_root_without_units_is_begun_and_told_so_to_who_may_read(
    postgres_database: str, tmp_path: Path
) -> None:
    async with serving(settings_for(postgres_database, tmp_path), postgres_database) as made:
        answer = await made.get("/")
        assert answer.status_code == 200
        assert "đã có" in answer.text
        assert (await made.get("/", key="")).headers["location"] == "./login?next="


@pytest.mark.parametrize("sought", ["cong thuong", "CÔNG THƯƠNG", "h44.07"])
async def test_units_are_found_with_or_without_marks(running: Running, sought: str) -> None:
    await running.catalogue()
    answer = await running.get("/", q=sought)
    assert re.findall(r'href="./units/([^"/]+)">', answer.text) == ["H44.07"]
    assert re.findall(r'href="./units/([^"/]+)">', (await running.get("/", q="công thường")).text) == []


async def test_who_reaches_one_unit_sees_that_one(running: Running) -> None:
    await running.catalogue()
    key = await running.make_key("H44.07", "read")
    answer = await running.get("/", key=key)
    assert re.findall(r'href="./units/([^"/]+)">', answer.text) == ["H44.07"]


async def test_with_several_roots_open_reading_shows_all(
    postgres_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(postgres_database, tmp_path)
    settings = settings.model_copy(
        update={"auth": AuthSettings(pepper="a pepper for tests, as long as it is to be", open_reading=True)}
    )
    async with serving(settings, postgres_database) as made:
        await made.catalogue()
        other = await made.make_key("H45", "admin")
        answer = await made.put("/v1/units", [{"code": "H45", "name": "UBND tỉnh khác", "level": "province"}], other)
        assert answer.status_code == 200
        monkeypatch.setattr(made.client._transport, "client", ("127.0.0.1", 40000))
        answer = await made.get("/", key="", headers={"Host": "[::1]:8000"})
        monkeypatch.setattr(home, "_MOST", 4)
        many = await made.get("/", key="", headers={"Host": "[::1]:8000"})
        few = await made.get("/", key="", headers={"Host": "[::1]:8000"}, q="H44.1")
        monkeypatch.setattr(home, "_MOST", 2)
        sought = await made.get("/", key="", headers={"Host": "[::1]:8000"}, q="H44")
    found = re.findall(r'href="./units/([^"/]+)">', answer.text)
    assert sorted(found) == ["H44", "H44.07", "H44.13", "H44.130", "H45"]
    # More than anybody reads: those under which the others are.
    assert re.findall(r'href="./units/([^"/]+)">', many.text) == ["H44", "H45"]
    assert "Còn 3 đơn vị trực thuộc" in many.text
    assert re.findall(r'href="./units/([^"/]+)">', few.text) == ["H44.13", "H44.130"]
    assert "đơn vị trực thuộc" not in few.text
    # Looked for, and still too many: the first of them.
    assert len(re.findall(r'href="./units/([^"/]+)">', sought.text)) == 2
    assert "Còn 2 đơn vị khác có tên như vậy" in sought.text


async def test_a_merged_unit_says_where_it_went_and_stands_apart(running: Running) -> None:
    await running.catalogue()
    merged = [
        {"code": "H44.901", "name": "UBND xã Mới", "level": "commune"},
        {"code": "H44.900", "name": "UBND xã Cũ", "level": "commune", "valid_to": "2026-06-30", "successor": "H44.901"},
    ]
    assert (await running.put("/v1/units", merged)).json()["errors"] == []
    page = (await running.get("/units/H44.900", period="2026")).text
    assert "Đơn vị đã sáp nhập, hết ngày 30/06/2026" in page
    assert 'href="../units/H44.901?period=2026">xem đơn vị hiện nay' in page
    leaving = [{"code": "H44.902", "name": "UBND xã Sắp hết", "level": "commune", "valid_to": "2099-12-31"}]
    assert (await running.put("/v1/units", leaving)).json()["errors"] == []
    assert "kết thúc hoạt động" not in (await running.get("/units/H44.902", period="2026")).text
    whole = (await running.get("/")).text
    assert whole.index("UBND xã Sắp hết") < whole.index("Đã sáp nhập, đã kết thúc")
    assert whole.index("Đã sáp nhập, đã kết thúc") < whole.index("UBND xã Cũ")
    assert whole.index("UBND xã Mới") < whole.index("Đã sáp nhập, đã kết thúc")


async def test_an_address_without_a_page_is_told_as_a_page_to_people(running: Running) -> None:
    answer = await running.get("/nowhere", key="", headers={"accept": "text/html,*/*"})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "Không có trang này" in answer.text
    for path, accept in (("/nowhere", "*/*"), ("/v1/nowhere", "text/html")):
        answer = await running.get(path, key="", headers={"accept": accept})
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
