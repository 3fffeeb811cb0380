"""What goes wrong, in Vietnamese: a sentence for each code of the contract, and the phrases that say what exactly.

English stays what is kept and logged; this is for who asks with `Accept-Language: vi`. A phrase that is not in the
table stays English after the sentence of its code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple


class Words(NamedTuple):
    """The title of a kind of problem, and what to do about it."""

    title: str
    advice: str


WORDS: Final = {
    "invalid_json": Words("Nội dung không phải JSON", "Gửi JSON mã hóa UTF-8; gửi theo dòng thì mỗi dòng một sự kiện."),
    "invalid_event": Words(
        "Phần vỏ của sự kiện không hợp lệ", "Xem thuộc tính được nêu: thiếu, sai kiểu hoặc không đọc được."
    ),
    "invalid_value": Words("Giá trị không hợp lệ", "Xem trường được nêu: thiếu, sai kiểu hoặc ngoài khoảng cho phép."),
    "invalid_code": Words(
        "Mã sai định dạng",
        "Mã thủ tục là văn bản có sáu chữ số sau dấu chấm (1.004555), mã đơn vị gồm các phần cách bằng dấu chấm.",
    ),
    "unknown_field": Words(
        "Trường không có trong hợp đồng", "Bỏ trường này. Trường lạ bị từ chối để dữ liệu cá nhân không lọt vào."
    ),
    "unknown_type": Words("Loại sự kiện không có trong hợp đồng", "Dùng một loại trong bảng của hợp đồng."),
    "unknown_unit": Words("Đơn vị không tồn tại", "Nạp đơn vị vào danh mục hoặc sửa lại mã."),
    "unknown_indicator": Words("Chỉ số không tồn tại", "Xem danh sách tại GET /v1/indicators."),
    "unknown_subject": Words("Không có dữ liệu về mã này", "Kiểm tra lại mã hồ sơ."),
    "personal_data": Words(
        "Giống dữ liệu cá nhân", "Không gửi số định danh hay số điện thoại; không chỉ số nào cần chúng."
    ),
    "future_time": Words("Thời điểm ở tương lai", "Không quá 10 phút so với máy chủ: kiểm tra đồng hồ bên gửi."),
    "time_out_of_range": Words(
        "Thời điểm ngoài khoảng cho phép", "Sự kiện xảy ra từ năm 2000; ngày trong dữ liệu từ 2000 đến 2100."
    ),
    "conflict": Words(
        "Mã sự kiện đã dùng cho nội dung khác", "Một mã chỉ gắn với một sự kiện; gửi bản đính chính với mã mới."
    ),
    "life_too_long": Words("Hồ sơ có quá nhiều sự kiện", "Một hồ sơ có tối đa 1.000 sự kiện."),
    "forbidden_unit": Words(
        "Khóa không có quyền với đơn vị này", "Khóa chỉ có quyền với đơn vị của nó và các đơn vị trực thuộc."
    ),
    "forbidden_scope": Words(
        "Khóa không được làm việc này", "Dùng khóa có quyền mà lời gọi cần: ingest, read hoặc admin."
    ),
    "unauthenticated": Words("Không có khóa hợp lệ", "Gửi Authorization: Bearer <khóa> với khóa chưa bị thu hồi."),
    "invalid_period": Words(
        "Kỳ không hợp lệ", "2026, 2026-H1, 2026-9M, 2026-Q3, 2026-08, 2026-W34, 2026-08-15, hoặc from và to."
    ),
    "period_in_future": Words("Kỳ chưa bắt đầu", "Hỏi một kỳ đã bắt đầu."),
    "invalid_parameter": Words("Tham số không hợp lệ", "Xem tham số được nêu."),
    "no_breakdown": Words("Chỉ số không có chiều này", "Phân tích theo chiều khác."),
    "snapshot_changed": Words("Số liệu đã thay đổi", "Bắt đầu lại từ trang đầu."),
    "too_large": Words("Nội dung quá lớn", "Chia nhỏ; tối đa 32 MiB sau khi giải nén."),
    "too_many_events": Words("Quá nhiều sự kiện một lần", "Chia nhỏ; tối đa 10.000 sự kiện mỗi lần gửi."),
    "unsupported_media_type": Words(
        "Kiểu nội dung không được hỗ trợ", "JSON, CloudEvents JSON, lô hoặc NDJSON, mã hóa UTF-8."
    ),
    "unsupported_encoding": Words("Kiểu nén không được hỗ trợ", "Gửi gzip hoặc không nén."),
    "not_found": Words("Không có gì ở đây", "Kiểm tra lại đường dẫn."),
    "method_not_allowed": Words("Không dùng được phương thức này ở đây", "Xem tiêu đề Allow."),
    "incomplete_body": Words("Nội dung không đủ", "Số byte nhận được khác số byte đã báo; chưa ghi nhận gì. Gửi lại."),
    "request_timeout": Words("Gửi quá chậm", "Chưa ghi nhận gì. Gửi lại."),
    "uri_too_long": Words("Địa chỉ quá dài", "Rút ngắn đường dẫn và tham số."),
    "headers_too_large": Words("Phần đầu yêu cầu quá lớn", "Bớt tiêu đề và cookie."),
    "rate_limited": Words("Gửi quá dày", "Gửi lại sau số giây trong Retry-After."),
    "overloaded": Words("Quá tải", "Chưa ghi nhận gì. Gửi lại sau số giây trong Retry-After."),
    "database_unavailable": Words(
        "Cơ sở dữ liệu không sẵn sàng", "Chưa ghi nhận gì. Gửi lại sau số giây trong Retry-After."
    ),
    "internal": Words("Lỗi bên trong dịch vụ", "Báo mã yêu cầu cho người vận hành; chưa ghi nhận gì."),
    "unknown_procedure": Words("Thủ tục chưa có trong danh mục", "Nạp thủ tục vào danh mục hoặc sửa lại mã."),
}
"""By the contract's code."""

_PHRASES: Final = [
    (re.compile(english), vietnamese)
    for english, vietnamese in (
        (r"required, but missing", "bắt buộc nhưng thiếu"),
        (r"must not be empty", "không được để trống"),
        (r"must not begin or end with a blank", "không được bắt đầu hay kết thúc bằng dấu cách"),
        (r"the invisible or odd blank character (U\+\w+) is not allowed", r"không được có ký tự ẩn hay dấu cách lạ \1"),
        (r"control characters and lone surrogates are not allowed", "không được có ký tự điều khiển"),
        (r"not a field of (?:this type|this catalogue), which takes ", "không phải trường ở đây; các trường là "),
        (r"no unit of (?:the catalogue|this root) has this code or alias", "danh mục không có đơn vị nào mang mã này"),
        (r"the key does not reach this unit", "khóa không có quyền với đơn vị này"),
        (r"more than 10 minutes ahead of the server's clock", "nhanh hơn đồng hồ máy chủ quá 10 phút"),
        (r"this source has sent this id before with other content", "nguồn này đã gửi mã này với nội dung khác"),
        (r"1,000 events are the most", "tối đa 1.000 sự kiện"),
        (r"the value looks like an identity or phone number; send none", "giống số định danh hoặc số điện thoại"),
        (r"the subject looks like an identity number; send the dossier's code", "giống số định danh; gửi mã hồ sơ"),
        (r"the procedure is not in the catalogue; counted with default attributes until it is",
         "thủ tục chưa có trong danh mục; tạm tính theo thuộc tính mặc định"),
        (r"the procedure was not valid on that day; counted all the same",
         "thủ tục không có hiệu lực ngày đó; vẫn được tính"),
        (r"an RFC 3339 time with offset such as", "thời điểm RFC 3339 có múi giờ, ví dụ"),
        (r"a time in (\S+) to (\S+) such as", r"thời điểm từ \1 đến \2, ví dụ"),
        (r"a date such as", "ngày, ví dụ"),
        (r"a text with a procedure code such as", "mã thủ tục dạng văn bản, ví dụ"),
        (r"a type of the contract such as", "một loại của hợp đồng, ví dụ"),
        (r"a whole number from (\d+) to (\d+)", r"số nguyên từ \1 đến \2"),
        (r"true or false", "true hoặc false"),
        (r"of (\d+) to (\d+) characters", r"từ \1 đến \2 ký tự"),
        (r"at most ([\d,]+) characters", r"tối đa \1 ký tự"),
        (r"before the year 2000", "trước năm 2000"),
        (r"one of ", "một trong "),
        (r"a string", "văn bản"),
        (r"an object", "đối tượng"),
        (r"; likely (\S+) is meant", r"; có lẽ là \1"),
        (r"; also ", "; ngoài ra "),
        (r"expected ", "cần "),
        (r", not (?=\S)", ", nhận được "),
    )
]  # fmt: skip


def is_preferred(accept_language: str) -> bool:
    """Whether an Accept-Language header likes Vietnamese better than English."""
    liked = {"vi": (0.0, 0), "en": (0.0, 0)}
    for place, item in enumerate(accept_language.split(",")[:50]):
        name, _, weight = item.partition(";")
        language = name.strip().lower().partition("-")[0]
        if language in liked:
            liked[language] = max(liked[language], (_weight(weight), -place))
    return liked["vi"][0] > 0 and liked["vi"] > liked["en"]


def is_spoken(environment: Mapping[str, str]) -> bool:
    """Whether a terminal's locale is Vietnamese."""
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    return next((environment[each] for each in names if environment.get(each)), "").startswith("vi")


def _weight(text: str) -> float:
    name, _, value = text.partition("=")
    try:
        return float(value) if name.strip().lower() == "q" else 1.0
    except ValueError:
        return 0.0


def said(code: str, english: str) -> str:
    """What is wrong, in Vietnamese: the sentence of its code, then what exactly."""
    exactly = english
    for phrase, vietnamese in _PHRASES:
        exactly = phrase.sub(vietnamese, exactly)
    return f"{WORDS[code].title}: {exactly}" if code in WORDS else exactly
