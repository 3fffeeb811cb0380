"""Every page of a small history made by hand: its numbers at their places, its states, its links."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import pytest_asyncio

from tests.pages.asking import COUNTER, FAR, LATE, MET, OVERDUE, TODAY, TOMORROW, links, others, page_of, six
from tests.pages.html import Element
from tests.running import Running, newer_rules, serving, settings_for

ON_TIME = "Hồ sơ xử lý trước hạn, đúng hạn"
SIX = "/units/H44.07/dossiers?indicator=DOSSIER_ON_TIME&period=2026"


@pytest_asyncio.fixture
async def history(served: Running) -> Running:
    """A service with the history of `six` and `others`."""
    await six(served)
    await others(served)
    return served


def flow(page: Element) -> dict[str, tuple[str, str]]:
    """The boxes of a page: their title, figure and small print."""
    return {
        each.one("dt").text: (each.all("dd")[0].text, each.all("dd")[1].text)
        for each in page.one("dl", class_="flow").all("div")
    }


def chips(page: Element) -> list[str]:
    return [each.text for each in page.all(class_="chip")]


def paragraphs(page: Element) -> list[str]:
    return [each.text for each in page.one(class_="total").all("p")]


async def test_home_leads_to_every_unit_and_its_work_of_the_day(history: Running) -> None:
    page = await page_of(history, "/")
    sections = {each.one("h2").text: [li.text for li in each.all("li")] for each in page.all("section")}
    assert sections == {
        "Tỉnh, thành phố 1": ["UBND tỉnh Phú Thọ Việc hôm nay 46,02"],
        "Sở, ban, ngành 2": ["Sở Công Thương Việc hôm nay 44,77", "Sở Tài chính Việc hôm nay 20,00"],
        "Xã, phường 1": ["UBND xã Tu Vũ Việc hôm nay 22,00"],
    }
    commune = page.all("li")[-1].all("a")
    assert [each.attributes["href"] for each in commune] == ["./units/H44.130", "./units/H44.130/today"]


@pytest.mark.parametrize(("sought", "found"), [("tu vu", 1), ("Tu Vũ", 1), ("h44.13", 2), ("Tù Vũ", 0)])
async def test_units_are_found_by_name_or_code_with_or_without_marks(served: Running, sought: str, found: int) -> None:
    page = await page_of(served, f"/?q={sought}")
    assert len(page.all("li")) == found
    assert ([each.text for each in page.all(class_="empty")] == []) == (found > 0)


async def test_a_service_with_a_key_and_no_units_tells_how_to_go_on(postgres_database: str, tmp_path: Path) -> None:
    async with serving(settings_for(postgres_database, tmp_path), postgres_database) as running:
        page = await page_of(running, "/")
    assert [each.text for each in page.all("h2")] == [
        "Tạo khóa quản trị của tỉnh đã có", "Nạp đơn vị và thủ tục hành chính", "Gửi sự kiện đầu tiên",
    ]  # fmt: skip
    assert page.all("pre")[0].text == "KEY=$(chiso keys create --scope admin --unit H44 --new-root); echo $KEY"
    assert page.all("pre")[1].text.startswith('curl -X PUT http://chiso.test/v1/units -H "Authorization: Bearer $KEY"')


async def test_a_units_open_year_has_its_numbers_where_they_belong(history: Running) -> None:
    page = await page_of(history, "/units/H44.07?period=2026")
    # 4 + 2 for a procedure published; 20 × 4/6; 6 for online, where half is enough; 6 × 1/6 for an electronic result
    # and 2 where no certified copies are asked for; 6 + 6 without petitions, 6 × 4/6 × 10/9 where 90 % are enough.
    assert paragraphs(page) == ["44,77 / 100", "Yếu", "Hạng 1 / 2 sở, ban, ngành", "Còn có thể lấy lại 35,00 điểm"]
    assert chips(page) == ["Tạm tính đến 08:00:00, 23/11/2026"]
    assert page.one("table", class_="groups").rows()[1:] == [
        ["Công khai, minh bạch", "", "6,00 / 18", "mất 12,00"],
        ["Tiến độ giải quyết", "", "13,33 / 20", "mất 6,67"],
        ["Dịch vụ công trực tuyến", "", "6,00 / 12", "mất 6,00"],
        ["Số hóa hồ sơ", "", "3,00 / 22", "mất 19,00"],
        ["Thanh toán trực tuyến", "", "0,00 / 10", "mất 10,00"],
        ["Mức độ hài lòng", "", "16,44 / 18", "mất 1,56"],
    ]
    assert flow(page) == {
        "Tồn trước và tiếp nhận": ("6", "tồn 0 · mới 6"),
        "Tiếp nhận qua": ("6", "trực tuyến 5 · trực tiếp 1 · bưu chính 0"),
        "Đã giải quyết": ("2", "đúng hạn 1 · quá hạn 1"),
        "Đang giải quyết": ("4", "đã quá hạn 1 · đến hạn trong 3 ngày làm việc 2"),
    }
    table = page.one("table", class_="indicators")
    assert table.row(ON_TIME) == ["4", "6", "66,67 %", "13,33 / 20", "6,67", "", "–", ""]
    assert table.row("Hồ sơ nộp trực tuyến") == ["5", "6", "83,33 %", "6,00 / 6", "", "", "–", ""]
    assert table.row("Hồ sơ giải quyết đúng hạn theo Thông tư")[:4] == ["1", "2", "50,00 %", ""]
    # 28 days and two hours and a half of LATE, two days and an hour of MET: the mean of 28.10 and 2.04.
    assert table.row("Thời gian xử lý trung bình")[:3] == ["", "", "15,07 ngày"]
    assert [each.text for each in page.one("ol", class_="advice").all("b")] == [
        "+6,00",
        "+5,00",
        "+4,00",
        "+4,00",
        "+4,00",
    ]


async def test_no_data_is_never_0(history: Running) -> None:
    page = await page_of(history, "/units/H44.130?period=2024")
    assert chips(page) == ["Kỳ đã kết thúc"]
    table = page.one("table", class_="indicators")
    # 0/0 of dossiers is worth 0 by the rule; of synchronised ones it is no figure at all.
    assert table.row(ON_TIME)[:5] == ["0", "0", "–", "0,00 / 20", "20,00"]
    assert table.row("Hồ sơ đồng bộ lên Cổng Dịch vụ công quốc gia")[:5] == ["0", "0", "–", "– / 6", ""]
    assert table.row("Thời gian xử lý trung bình")[:3] == ["", "", "–"]
    page = await page_of(history, "/units/H44.130/indicators/DOSSIER_ON_TIME?period=2024")
    assert paragraphs(page)[0] == "chưa có dữ liệu"
    page = await page_of(history, "/units/H44.130/indicators/AVERAGE_PROCESSING_TIME?period=2024")
    assert paragraphs(page)[0] == "chưa có dữ liệu"


async def test_a_closed_year_says_that_it_has_ended_and_what_came_before(history: Running) -> None:
    page = await page_of(history, "/units/H44.130?period=2025")
    assert chips(page) == ["Kỳ đã kết thúc"]
    assert paragraphs(page)[0] == "42,00 / 100"
    assert flow(page)["Đã giải quyết"] == ("1", "đúng hạn 1 · quá hạn 0")
    assert flow(page)["Đang giải quyết"] == ("0", "đã quá hạn 0")
    assert page.one("table", class_="indicators").row(ON_TIME)[:4] == ["1", "1", "100,00 %", "20,00 / 20"]
    page = await page_of(history, "/units/H44.130?period=2026")
    assert "So với kỳ trước ▼ 20,00" in paragraphs(page), "22 after 42 points, of a petition"


async def test_a_range_and_a_day_count_what_falls_into_them(history: Running) -> None:
    page = await page_of(history, "/units/H44.07?from=2026-01-01&to=2026-02-15")
    assert page.one("title").text.startswith("Sở Công Thương · 01/01/2026 – 15/02/2026")
    assert flow(page)["Đã giải quyết"] == ("1", "đúng hạn 0 · quá hạn 1")
    assert page.one("table", class_="indicators").row(ON_TIME)[:5] == ["0", "1", "0,00 %", "0,00 / 20", "20,00"]
    page = await page_of(history, "/units/H44.07?period=2026-11-23")
    assert flow(page)["Tồn trước và tiếp nhận"] == ("4", "tồn 4 · mới 0")
    assert page.one("table", class_="indicators").row(ON_TIME)[:5] == ["3", "4", "75,00 %", "15,00 / 20", "5,00"]


@pytest.mark.parametrize(
    "path",
    [
        "/units/H44.07?period=2026", "/units/H44.07/indicators/DOSSIER_ON_TIME?period=2026", f"{SIX}&side=missing",
        "/units/H44/ranking?period=2026", "/units/H44.07/today", f"/dossiers/{LATE}?unit=H44",
    ],
)  # fmt: skip
async def test_while_figures_are_made_anew_pages_say_so(
    history: Running, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    anew = "Đang tính lại sau khi danh mục thay đổi; số liệu có thể còn thay đổi"
    assert anew not in chips(await page_of(history, path))
    with newer_rules(monkeypatch):
        assert anew in chips(await page_of(history, path))


async def test_an_indicator_tells_its_parts_and_where_it_is_lost(history: Running) -> None:
    page = await page_of(history, "/units/H44.07/indicators/DOSSIER_ON_TIME?period=2026")
    assert paragraphs(page) == ["66,67 %", "13,33 / 20 điểm"]
    assert [each.text for each in page.one("ul", class_="sides").all("li")] == ["Đã đạt 4", "Chưa đạt 2", "Tất cả 6"]
    months = {row[0]: row[1:] for row in page.one("table", id="trend-table").rows()[1:]}
    assert len(months) == 11
    assert months["01/2026"] == ["0,00", "–", "0", "1"]
    assert months["03/2026"] == ["–", "–", "0", "0"]
    assert months["11/2026"] == ["80,00", "–", "4", "5"]
    by_channel = page.one("section", data_live="by-channel").rows()[1:]
    assert by_channel == [["Trực tuyến", "3", "5", "2", "60,00 %"], ["Trực tiếp", "1", "1", "0", "100,00 %"]]
    by_unit = await page_of(history, "/units/H44/indicators/DOSSIER_ON_TIME?period=2026")
    assert by_unit.one("section", data_live="by-unit").rows()[1:] == [["Sở Công Thương", "4", "6", "2", "66,67 %"]]


async def test_lists_tell_each_dossiers_verdict_in_days(history: Running) -> None:
    page = await page_of(history, f"{SIX}&side=missing")
    assert page.one("h1").text == f"{ON_TIME}: chưa đạt 2"
    procedure, unit = "Cấp giấy phép", "Sở Công Thương"
    assert page.one("table").rows()[1:] == [
        [
            LATE, "trễ hạn 21 ngày (lịch)", "17:00, 12/01/2026", "10:30, 02/02/2026", "05/01/2026", procedure, unit,
            "trực tuyến", "có phí kết quả điện tử",
        ],
        [
            OVERDUE, "quá hạn 4 ngày (lịch)", "17:00, 19/11/2026", "", "16/11/2026", procedure, unit,
            "trực tuyến", "có phí",
        ],
    ]  # fmt: skip
    page = await page_of(history, f"{SIX}&side=numerator")
    verdicts = {row[0]: row[1] for row in page.one("table").rows()[1:]}
    assert verdicts == {
        MET: "trước hạn 5 ngày (lịch)", TODAY: "đến hạn hôm nay", TOMORROW: "còn 1 ngày", FAR: "còn 42 ngày",
    }  # fmt: skip
    page = await page_of(history, f"{SIX}&side=recoverable")
    assert (page.one("h1").text, page.all("table")) == (f"{ON_TIME}: còn lấy lại được 0", [])
    page = await page_of(history, f"{SIX}&side=at_risk&procedure=1.004555")
    assert [row[0] for row in page.one("table").rows()[1:]] == [TODAY, TOMORROW]
    assert "Chỉ thủ tục 1.004555 Cấp giấy phép · bỏ lọc" in [each.text for each in page.all("p")]


async def test_a_long_list_goes_on_by_its_cursor_to_its_end(served: Running) -> None:
    await served.push(
        [served.event("dossier.received", f"H44.07-{n:03}", procedure="1.004555", channel="online") for n in range(120)]
    )
    address, seen = "/units/H44.07/dossiers?indicator=ONLINE_DOSSIERS&side=numerator&period=2026", []
    for shown in (50, 50, 20):
        page = await page_of(served, address)
        assert page.one("h1").text == "Hồ sơ nộp trực tuyến: đã đạt 120"
        rows = [row[0] for row in page.one("table").rows()[1:]]
        assert len(rows) == shown
        seen += rows
        more = [each.attributes["href"] for each in page.all("a", rel="next") if each.text == "Trang sau ›"]
        address = f"/units/H44.07/dossiers{more[0]}" if more else ""
    assert address == ""
    assert seen == [f"H44.07-{n:03}" for n in range(120)]


async def test_a_life_is_told_in_the_order_of_time_with_its_deadline(history: Running) -> None:
    page = await page_of(history, f"/dossiers/{LATE}?unit=H44")
    line = [(each.one("time").text, each.one("b").text) for each in page.one("ol", class_="line").all("li")]
    assert line == [
        ("08:00, 05/01/2026", "Tiếp nhận hồ sơ"),
        ("17:00, 12/01/2026", "Hạn giải quyết"),
        ("10:30, 02/02/2026", "Có kết quả"),
    ]
    assert chips(page) == ["Trễ hạn 21 ngày (lịch)"]
    verdicts = [each.text for each in page.all("ul", class_="verdicts")[0].all("li")]
    assert f"✗ {ON_TIME} chưa đạt: Đã kết thúc, quá hạn." in verdicts
    assert "✓ Hồ sơ nộp trực tuyến đạt: Nộp trực tuyến." in verdicts
    told = {subject: chips(await page_of(history, f"/dossiers/{subject}?unit=H44")) for subject in (TODAY, FAR, MET)}
    assert told == {
        TODAY: ["Đang giải quyết, đến hạn hôm nay"], FAR: ["Đang giải quyết, còn 42 ngày"], MET: ["Kết thúc đúng hạn"],
    }  # fmt: skip


async def test_lives_of_petitions_documents_and_procedures_have_a_page(history: Running) -> None:
    petition = await page_of(history, "/dossiers/PA-1?unit=H44")
    assert "✓ Phản ánh, kiến nghị xử lý đúng hạn đạt: Đã kết thúc trong hạn." in [li.text for li in petition.all("li")]
    document = await page_of(history, "/dossiers/VB-1?unit=H44")
    assert [each.text for each in document.all("h3")] == ["Văn bản · Sở Tài chính"]
    procedure = await page_of(history, "/dossiers/1.004555?unit=H44")
    assert [li.text for li in procedure.all("li")][-2:] == [
        "Công bố: ký 02/03/2026, hiệu lực 03/03/2026",
        "Công khai: ký 02/03/2026, công khai 04/03/2026",
    ]
    assert [each.text for each in procedure.all(class_="facts")] == [
        "ngày ký quyết định: 02/03/2026 · ngày có hiệu lực: 03/03/2026",
        "ngày ký quyết định: 02/03/2026 · ngày công khai: 04/03/2026 · đầy đủ nội dung: có",
    ]


async def test_the_ranking_by_points_by_a_group_and_by_what_has_no_points(history: Running) -> None:
    address = "/units/H44/ranking?level=department&period=2026"
    page = await page_of(history, address)
    assert page.one("h1").text == "Xếp hạng sở, ban, ngành"
    assert page.one("table", class_="ranking").rows()[1:] == [
        ["Dưới 50 % 2"],
        ["1", "–", "Sở Công Thương", "44,77", "", "6,00", "13,33", "6,00", "3,00", "0,00", "16,44"],
        ["2", "–", "Sở Tài chính", "20,00", "", "6,00", "0,00", "0,00", "2,00", "0,00", "12,00"],
    ]
    group = (await history.get("/v1/indicators")).json()["groups"][1]["code"]
    page = await page_of(history, f"{address}&by={group}")
    rows = page.one("table", class_="ranking").rows()[1:]
    # 13.33 of 20 points are 66.65 %.
    assert [row[:4] for row in rows] == [
        ["50 đến dưới 70 % 1"], ["1", "–", "Sở Công Thương", "13,33"],
        ["Dưới 50 % 1"], ["2", "–", "Sở Tài chính", "0,00"],
    ]  # fmt: skip
    page = await page_of(history, f"{address}&by=SETTLED_ON_TIME")
    assert "Xếp theo: Hồ sơ giải quyết đúng hạn theo Thông tư" in [each.text for each in page.all("p")]
    rows = page.one("table", class_="ranking").rows()[1:]
    assert [row[:4] for row in rows] == [
        ["50 đến dưới 70 % 1"], ["1", "–", "Sở Công Thương", "50,00 %"],
        ["Chưa có dữ liệu 1"], ["–", "–", "Sở Tài chính", "–"],
    ]  # fmt: skip
    page = await page_of(history, f"{address}&view=heat")
    head, first, second = page.one("table", class_="heat").rows()
    place = next(nth for nth, text in enumerate(head) if text.startswith(ON_TIME))
    assert (first[0], first[place], first[-1]) == ("Sở Công Thương", "13,33", "44,77")
    assert (second[0], second[place], second[-1]) == ("Sở Tài chính", "0,00", "20,00")
    synced = next(nth for nth, text in enumerate(head) if text.startswith("Hồ sơ đồng bộ"))
    assert (first[synced], second[synced]) == ("0,00", "–")


async def test_today_says_which_dossiers_are_late_tomorrow(history: Running) -> None:
    page = await page_of(history, "/units/H44.07/today")
    # Tuesday, 24/11/2026, is a holiday: what is due then is due before the next working day, Wednesday.
    lost = "mất 8,88 điểm nếu để quá hạn"
    assert flow(page) == {
        "Đã quá hạn": ("1", "hồ sơ 1 · phản ánh 0 · lâu nhất từ 19/11/2026"),
        "Đến hạn từ nay đến hết ngày mai": ("2", f"hồ sơ 2 · phản ánh 0 · {lost}"),
        "Đến hạn từ nay đến hết thứ Tư, 25/11/2026": ("2", f"hồ sơ 2 · phản ánh 0 · {lost}"),
        "Đến hạn trong 3 ngày làm việc": ("2", f"hồ sơ 2 · phản ánh 0 · {lost}"),
        "Đến hạn trong 5 ngày làm việc": ("2", f"hồ sơ 2 · phản ánh 0 · {lost}"),
    }
    assert [row[:4] for row in page.one("table", class_="list").rows()[1:]] == [
        [TODAY, "17:00, 23/11/2026", "hôm nay", "4,44"],
        [TOMORROW, "17:00, 24/11/2026", "ngày mai", "4,44"],
        [OVERDUE, "17:00, 19/11/2026", "quá 2 ngày làm việc", "đã mất"],
    ]
    boxes = page.one("dl", class_="flow").all("a")
    narrow = await page_of(history, f"/units/H44.07/today{boxes[1].attributes['href']}")
    assert [row[0] for row in narrow.one("table", class_="list").rows()[1:]] == [TODAY, TOMORROW]
    assert flow(narrow) == flow(page), "what is told above stays"
    late = await page_of(history, f"/units/H44.07/today{boxes[0].attributes['href']}")
    assert [row[0] for row in late.one("table", class_="list").rows()[1:]] == [OVERDUE]
    nothing = await page_of(history, "/units/H44.13/today")
    assert nothing.one("section", data_live="list").one("p", class_="empty").text == (
        "Không có hồ sơ nào quá hạn hay sắp đến hạn."
    )


async def test_from_the_first_page_to_why_a_commune_lost_points_and_to_one_life(history: Running) -> None:
    home = await page_of(history, "/")
    unit = next(each for each in home.all("a") if each.text == "Sở Công Thương").attributes["href"]
    assert unit == "./units/H44.07"
    page = await page_of(history, "/units/H44.07")
    [row] = [
        each
        for each in page.one("table", class_="indicators").all("tr")
        if each.all("th")[:1] and each.all("th")[0].text == ON_TIME
    ]
    lost = next(each for each in row.all("a") if each.text == "6,67").attributes["href"]
    assert lost == "../units/H44.07/dossiers?indicator=DOSSIER_ON_TIME&side=missing&period=2026"
    listed = await page_of(history, lost.removeprefix(".."))
    assert [each.text for each in listed.one("table").all("a")] == [LATE, OVERDUE]
    life = listed.one("table").all("a")[0].attributes["href"]
    assert life == f"../../dossiers/{LATE}?unit=H44.07"
    page = await page_of(history, life.removeprefix("../.."))
    assert chips(page) == ["Trễ hạn 21 ngày (lịch)"]


async def test_feeds_of_units_that_never_sent_and_what_was_rejected(served: Running) -> None:
    told = await served.push([served.event("dossier.received", time="yesterday", id="odd")])
    assert told["rejected"] == 1
    await served.service.follower.finish()
    page = await page_of(served, "/units/H44/feeds")
    assert flow(page)["Đơn vị có dữ liệu"] == ("0 / 3", "0,00 %")
    assert [each.text for each in page.one("ul", class_="units").all("li")] == [
        f"{name} chưa bao giờ" for name in ("Sở Công Thương", "Sở Tài chính", "UBND xã Tu Vũ")
    ]
    [_, rejected] = page.one("section", aria_labelledby="rejected").rows()
    assert rejected[1:3] == ["/h44/thu", "time"]


async def test_before_the_log_was_read_feeds_and_wall_say_so(served: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    async with served.service.database.connection("write") as connection:
        await connection.execute("DELETE FROM feed_mark")
    monkeypatch.setattr("app.store.feeds.kept.marked", lambda connection: asyncio.sleep(0))
    for address in ("/units/H44/feeds", "/wall/H44"):
        assert "Đang đọc nhật ký sự kiện lần đầu" in (await served.get(address)).text


async def test_the_wall_has_the_units_numbers_and_goes_round(history: Running) -> None:
    page = await page_of(history, "/wall/H44?rotate=30")
    assert page.one("p", class_="huge").text == "46,02/100"
    assert page.one("section", data_live="ranks").rows()[0] == ["1", "UBND xã Tu Vũ", "22,00"]
    after = page.one("main").attributes
    assert (after["data-next"], after["data-after"]) == ("../wall/H44.07?rotate=30&of=H44", "30")
    addresses = ["/wall/H44.07?rotate=30&of=H44", "/wall/H44.13?rotate=5&of=H44", "/wall/H44.130?rotate=30&of=H44"]
    nexts = [(await page_of(history, each)).one("main").attributes["data-next"] for each in addresses]
    assert [each.partition("?")[0] for each in nexts] == ["../wall/H44.13", "../wall/H44.130", "../wall/H44"]


REFUSALS = {
    "/units/H44.99": (404, "Đơn vị không tồn tại"),
    "/nowhere": (404, ""),
    "/units/H44?period=2026-13": (422, "Kỳ không hợp lệ"),
    "/units/H44/indicators/NOTHING": (404, "Chỉ số không tồn tại"),
    "/dossiers/NOBODY?unit=H44": (404, ""),
}


@pytest.mark.parametrize("path", REFUSALS)
async def test_refusals_are_pages_with_a_way_on(served: Running, path: str) -> None:
    status, title = REFUSALS[path]
    answer = await served.client.get(path, headers={"Authorization": f"Bearer {served.key}", "Accept": "text/html"})
    assert answer.status_code == status
    if path == "/nowhere":
        return
    page = await page_of(served, path, status)
    assert page.one("p", class_="code").text == str(status)
    assert title in page.one("h1").text
    assert links(page, path)[-2:] == ["/", "/docs"]


async def test_who_has_no_key_is_shown_where_to_log_in_and_who_has_not_the_right_one_what_to_do(
    served: Running,
) -> None:
    answer = await served.client.get("/units/H44.07?period=2026", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "../login?next=units%2FH44.07%3Fperiod%3D2026")
    commune = await served.make_key("H44.130", "read")
    page = await page_of(served, "/units/H44.07", 403, commune)
    assert page.one("p", class_="code").text == "403"
    assert page.one("a", class_="button").attributes["href"] == "../login"


async def test_a_key_of_one_unit_sees_its_page_without_a_rank_among_others(history: Running) -> None:
    commune = await history.make_key("H44.130", "read")
    page = await page_of(history, "/units/H44.130?period=2026", key=commune)
    assert paragraphs(page)[0] == "22,00 / 100"
    assert not [each for each in paragraphs(page) if each.startswith("Hạng")]
    assert page.one("nav", class_="path").text == "Các đơn vị"
    assert COUNTER in (await page_of(history, f"/dossiers/{COUNTER}", key=commune)).one("h1").text
