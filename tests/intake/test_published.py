"""Files of published figures, read: tables and JSON answers of the portal; what is wrong is told by row and column."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from app.intake.lines import Refused
from app.intake.published import Figure, parse, plain_name
from app.messages import of_error
from tests.intake.imports.workbook import saved, workbook

Row = tuple[str, str, int | None, int | None, str | None, str | None]


def text(number: Decimal | None) -> str | None:
    return None if number is None else str(number)


def figures(content: str | bytes) -> list[Figure]:
    with saved(content if isinstance(content, bytes) else content.encode()) as path:
        return parse(path)


def rows(content: str | bytes) -> list[Row]:
    found = figures(content)
    return [
        (each.unit or each.name, each.code, each.numerator, each.denominator, text(each.ratio), text(each.score))
        for each in found
    ]  # fmt: skip


def test_each_table_gives_its_indicators() -> None:
    assert rows(
        "\ufeffperiod;unit_code;unit_name;level;metric_code;numerator;denominator;ratio;score;max_score\r\n"
        "2026;H44;Tỉnh;;DOSSIER_SYNC;7;8;87.5;5.25;6\r\n2026;H44;Tỉnh;;ELECTRONIC_CERTIFIED_COPY;;;100;2;2\r\n"
    ) == [("H44", "DOSSIER_SYNC", 7, 8, "87.5", "5.25"), ("H44", "ELECTRONIC_CERTIFIED_COPY", None, None, "100", "2")]
    assert rows(
        "period,unit_code,total_received,total_on_time,total_completed,avg_processing_days,ratio,score\n"
        "2026,H44.01,161,156,,6.82,96.89,19.38\n"
    ) == [
        ("H44.01", "DOSSIER_ON_TIME", 156, 161, "96.89", "19.38"),
        ("H44.01", "AVERAGE_PROCESSING_TIME", None, None, "6.82", None),
    ]
    assert rows(
        "unit_code,dossiers_paid_online,dossiers_with_fee,procedures_paid_online,fee_procedures_distinct,"
        "procedures_integrated,procedures_with_fee,ratio,score\nH44,5,9,3,7,2,8,66.7,6.67\n"
    ) == [
        ("H44", "PAYMENT_DOSSIERS", 5, 9, None, None), ("H44", "PAYMENT_PROCEDURES", 3, 7, None, None),
        ("H44", "PAYMENT_INTEGRATED", 2, 8, None, None), ("H44", "payment", None, None, None, "6.67"),
    ]  # fmt: skip
    assert rows(
        "unit_code,authorityCount,partialCount,fullCount,onlineDossierCount,onlineServiceTotal,channelOnlineSum,"
        "channelTotalSum,totalScore\nH44,89,31,21,516,1884,98,99,8.56\n"
    ) == [
        ("H44", "ONLINE_PROVISION", 52, 89, None, None), ("H44", "ONLINE_WITH_DOSSIERS", 516, 1884, None, None),
        ("H44", "ONLINE_DOSSIERS", 98, 99, None, None), ("H44", "online", None, None, None, "8.56"),
    ]  # fmt: skip
    assert rows("unit_code,unit_name,totalScore\nH44.01,Văn phòng,6\n") == [("H44.01", "online", None, None, None, "6")]


def test_answers_give_the_same_of_groups_and_of_trees() -> None:
    metric = {"code": "DOSSIER_SYNC", "name": "x", "numerator": 7, "denominator": 8, "ratio": 87.5, "score": None}
    overview = {"departmentName": "UBND tỉnh A", "metrics": [metric]}
    child = {"departmentName": "Sở B - Tỉnh A", "metrics": [{**metric, "numerator": None}]}
    assert rows(json.dumps({"code": "OK", "data": {"overview": overview, "evaluation": [child]}})) == [
        ("UBND tỉnh A", "DOSSIER_SYNC", 7, 8, "87.5", None), ("Sở B - Tỉnh A", "DOSSIER_SYNC", None, 8, "87.5", None),
    ]  # fmt: skip
    tree = {
        "parent": {"departmentCode": "H44", "totalReceived": 9, "totalOnTime": 8, "ratio": 88.89, "totalScore": 17.78,
                   "avgProcessingDays": 4.1},
        "children": [{"departmentCode": "H44.01", "totalReceived": 0, "totalOnTime": 0, "ratio": 0, "score": 0}],
    }  # fmt: skip
    assert rows(json.dumps({"data": tree})) == [
        ("H44", "DOSSIER_ON_TIME", 8, 9, "88.89", "17.78"), ("H44", "AVERAGE_PROCESSING_TIME", None, None, "4.1", None),
        ("H44.01", "DOSSIER_ON_TIME", 0, 0, "0", "0"), ("H44.01", "AVERAGE_PROCESSING_TIME", None, None, None, None),
    ]  # fmt: skip
    assert figures(json.dumps({"data": tree}))[0].score == Decimal("17.78")
    assert rows('{"data":{"overview":{"departmentCode":"H44","metrics":[{"code":"A","numerator":5.0}]}}}') == [
        ("H44", "A", 5, None, None, None)
    ]
    assert plain_name("Sở  Tài chính - Tỉnh Phú Thọ") == plain_name("sở tài chính")


HEADER = ["unit_code", "unit_name", "total_received", "total_on_time", "avg_processing_days", "ratio", "score"]


@pytest.mark.parametrize(
    "content",
    [
        workbook(["BÁO CÁO"], [None], HEADER, ["H44", "Tỉnh", 597918, 528684, 4.1, 88.42, 17.68]),
        (";".join(HEADER) + "\r\nH44;Tỉnh, cả;597.918;528.684;4,1;88,42%;17,68\r\n;;;;;;\r\n").encode("utf-16"),
        ("Báo cáo\n\n" + "\t".join(HEADER) + "\nH44\tTỉnh\t597,918\t528,684\t4.1\t88.42 %\t17.68\n").encode(),
    ],
)
def test_a_table_that_a_spreadsheet_has_saved_says_the_same(content: bytes) -> None:
    assert rows(content) == [
        ("H44", "DOSSIER_ON_TIME", 528684, 597918, "88.42", "17.68"),
        ("H44", "AVERAGE_PROCESSING_TIME", None, None, "4.1", None),
    ]


@pytest.mark.parametrize(
    ("content", "english", "vietnamese"),
    [
        (
            "unit_code,metric_code,numerator,denominator\nH44,A,1,2\nH44,B,x1,2\n",
            "row 3, column numerator: x1 is no number from 0 on",
            "dòng 3, cột numerator: x1 không phải số từ 0 trở lên",
        ),
        (
            "unit_code,total_received,ratio\nH44,1,2\n",
            "row 1, column avg_processing_days: the column is missing",
            "dòng 1, cột avg_processing_days: thiếu cột này",
        ),
        (
            "a,b\n1,2\n",
            "row 1: no table of the portal has these columns",
            "dòng 1: không bảng nào của Cổng có các cột này",
        ),
        (
            "unit_code,totalScore\nH44,1,5\n",
            "row 2: not as many cells as the header",
            "dòng 2: số ô khác dòng tiêu đề",
        ),
        ("unit_code,totalScore\n ,1\n", "row 2, column unit_code: empty", "dòng 2, cột unit_code: để trống"),
        (
            '{"data":{"overview":{"departmentCode":"H44","metrics":[5]}}}',
            "row 1, column metrics: a figure without a code",
            "dòng 1, cột metrics: số liệu không có mã",
        ),
        ('{"a":' * 100_000, "its JSON is far too deep", "JSON lồng quá sâu"),
        ('{"data":{}}', "no answer of the portal's evaluation", "không phải câu trả lời đánh giá của Cổng"),
        ("unit_code,totalScore\n", "the file holds no figure", "tệp không có số liệu nào"),
        (
            '{"data":{"parent":{"departmentCode":"H44","totalReceived":-1},"children":[]}}',
            "row 1, column totalReceived: -1 is no number from 0 on",
            "dòng 1, cột totalReceived: -1 không phải số từ 0 trở lên",
        ),
    ],
)  # fmt: skip
def test_wrong_files_are_told_by_row_and_column(content: str, english: str, vietnamese: str) -> None:
    with pytest.raises(Refused) as caught:
        figures(content)
    said = of_error(caught.value)
    assert (said.en, said.vi) == (english, vietnamese)
