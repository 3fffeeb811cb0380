"""What is read of one element: files that were deleted, fees, statuses that only times tell, words of steps."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.portal.state import State, Step
from app.intake.dvcqg.dossier import dossier, step

CODE = "H44.07-260105-0001"


def state(**fields: Any) -> State:
    read = dossier({"MaHoSo": CODE, **fields})
    assert isinstance(read.what, State), read.faults
    return read.what


def file(**fields: Any) -> dict[str, Any]:
    return {"IsDeleted": "False", "DuocSoHoa": "1", "DuocTaiSuDung": "2", "DuocLayTuKhoDMQG": "1", **fields}


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ([file(), file(IsDeleted="True")], (1, True, True)),
        ([file(IsDeleted="True")], (0, False, False)),
        ([file(IsDeleted=1, DuocSoHoa="True"), file(IsDeleted="0", DuocTaiSuDung="0")], (1, False, True)),
        ([{"IsDeleted": "True", "TenTepDinhKem": "x"}], (None, None, None)),
        ([file(DuocTaiSuDung="True", DuocLayTuKhoDMQG="False")], (1, True, False)),
        ([], (None, None, None)),
    ],
)
def test_of_files_that_were_deleted_nothing_holds(files: list[Any], told: Any) -> None:
    read = state(TaiLieuNop=files)
    assert (read.components, read.reused, read.shared_store) == told


@pytest.mark.parametrize(
    ("fees", "fee", "amount"),
    [
        ([{"Gia": "0"}, {"Gia": "không"}], False, 0),
        ([{"Gia": "0"}, {"Gia": "8.000"}], None, 8000),
        ([{"Gia": "0"}, {"Gia": ""}], None, 0),
        ([{"TenPhiLePhi": "x"}], None, None),
        ([], None, None),
    ],
)
def test_nothing_is_to_be_paid_where_every_fee_is_nothing(fees: Any, fee: Any, amount: Any) -> None:
    read = state(DanhSachLePhi=fees)
    assert (read.fee, read.amount) == (fee, amount)


@pytest.mark.parametrize("number", ["001099000111", "099000111", "0912000111"])
def test_somebodys_number_is_no_agency(number: str) -> None:
    read = dossier({"MaHoSo": CODE}, number).what
    assert isinstance(read, State)
    assert read.unit == ""


@pytest.mark.parametrize("none", ["", None, "abc", "0", 11])
@pytest.mark.parametrize(
    ("times", "status"),
    [
        ({"NgayKetThucXuLy": "20260109100000"}, 9),
        ({"NgayKetThucXuLy": "20260109100000", "NgayTra": "20260110100000"}, 10),
        ({"NgayTuChoi": "20260109100000"}, 3),
        ({"NgayTiepNhan": "20260109100000"}, None),
    ],
)
def test_a_dossier_without_a_status_is_as_far_on_as_its_times(none: Any, times: Any, status: Any) -> None:
    assert state(TrangThaiHoSo=none, **times).status == status
    assert state(TrangThaiHoSo="4", **times).status == 4


@pytest.mark.parametrize(
    "words",
    [
        "Hoàn thành bổ sung hồ sơ", "Đã bổ sung",
        "Công dân đã bổ sung hồ sơ theo yêu cầu", "Hoàn thành yêu cầu bổ sung",
        "Công dân bổ sung hồ sơ", "Người dân nộp bổ sung", "Tiếp nhận hồ sơ bổ sung", "Bổ sung hồ sơ xong",
        "Cán bộ đã nhận bổ sung", "Công dân gửi hồ sơ bổ sung", "Hoàn thành\nbổ sung hồ sơ",
    ],
)  # fmt: skip
def test_words_by_which_a_supplement_came(words: str) -> None:
    assert _step(words).answer


@pytest.mark.parametrize(
    "words",
    [
        "Yêu cầu công dân bổ sung hồ sơ", "Đề nghị công dân bổ sung hồ sơ", "Đang chờ bổ sung", "Gửi phiếu bổ sung",
        "Thông báo người dân bổ sung", "Chờ công dân bổ sung giấy tờ", "Đã gửi phiếu yêu cầu bổ sung",
        "Trả lại công dân bổ sung hồ sơ", "Chưa nhận bổ sung", "Cần nộp bổ sung", "Đã gửi công dân bổ sung",
        "Hồ sơ đã nhận, chờ công dân bổ sung", "Hướng dẫn công dân bổ sung", "Thẩm định", "", None,
    ],
)  # fmt: skip
def test_words_by_which_one_is_asked_for(words: str | None) -> None:
    assert not _step(words).answer


def test_words_without_end_are_read_at_once() -> None:
    assert not _step("phải " * 200_000).answer


def _step(words: str | None) -> Step:
    read = step({"MaHoSo": CODE, "ThoiDiemXuLy": "20260106090000", "TrangThai": "5", "NoiDungXuLy": words})
    assert isinstance(read.what, Step)
    return read.what
