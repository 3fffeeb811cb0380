"""The closed list of what can be the matter, each with its HTTP status and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from app.messages import Message


@dataclass(frozen=True)
class ProblemKind:
    """A kind of problem: its HTTP status, a title, and what to do about it."""

    status: int
    title: Message
    advice: Message


KINDS: Final[Mapping[str, ProblemKind]] = {
    "invalid_json": ProblemKind(
        400,
        Message("The body is not JSON", "Nội dung không phải JSON"),
        Message(
            "Send UTF-8 JSON; in a batch of lines, one event a line.",
            "Gửi JSON mã hóa UTF-8; gửi theo dòng thì mỗi dòng một sự kiện.",
        ),
    ),
    "invalid_event": ProblemKind(
        422,
        Message("The event's envelope is broken", "Phần vỏ của sự kiện không hợp lệ"),
        Message(
            "Look at the named attribute: missing, ill-typed or unreadable.",
            "Xem thuộc tính được nêu: thiếu, sai kiểu hoặc không đọc được.",
        ),
    ),
    "invalid_value": ProblemKind(
        422,
        Message("A value is not allowed", "Giá trị không hợp lệ"),
        Message(
            "Look at the named field: missing, ill-typed or outside its range.",
            "Xem trường được nêu: thiếu, sai kiểu hoặc ngoài khoảng cho phép.",
        ),
    ),
    "invalid_code": ProblemKind(
        422,
        Message("The code has the wrong form", "Mã sai định dạng"),
        Message(
            "A procedure code is a text with six digits after the point (1.004555), a unit code dotted segments.",
            "Mã thủ tục hành chính là văn bản có sáu chữ số sau dấu chấm (1.004555); mã đơn vị gồm các phần cách"
            " nhau bằng dấu chấm.",
        ),
    ),
    "unknown_field": ProblemKind(
        422,
        Message("The field is not known", "Trường không có trong hợp đồng"),
        Message(
            "Remove it. Unknown fields are refused so that no personal data slips in.",
            "Bỏ trường này. Trường lạ bị từ chối để dữ liệu cá nhân không lọt vào.",
        ),
    ),
    "unknown_type": ProblemKind(
        422,
        Message("The event type is not known", "Loại sự kiện không có trong hợp đồng"),
        Message("Use a type of the contract's table.", "Dùng một loại trong bảng của hợp đồng."),
    ),
    "unknown_unit": ProblemKind(
        404,
        Message("The unit does not exist", "Đơn vị không tồn tại"),
        Message("Load the unit, or correct its code.", "Nạp đơn vị vào danh mục hoặc sửa lại mã."),
    ),
    "unknown_indicator": ProblemKind(
        404,
        Message("The indicator does not exist", "Chỉ số không tồn tại"),
        Message("GET /v1/indicators lists them.", "Xem danh sách tại GET /v1/indicators."),
    ),
    "unknown_subject": ProblemKind(
        404,
        Message("Nothing is known of this subject", "Không có dữ liệu về mã này"),
        Message("Check the dossier's code.", "Kiểm tra lại mã hồ sơ."),
    ),
    "personal_data": ProblemKind(
        422,
        Message("This looks like personal data", "Giống dữ liệu cá nhân"),
        Message(
            "Never send identity or phone numbers; no figure needs them.",
            "Không gửi số định danh hay số điện thoại; không chỉ số nào cần chúng.",
        ),
    ),
    "future_time": ProblemKind(
        422,
        Message("The time lies in the future", "Thời điểm ở tương lai"),
        Message(
            "At most 10 minutes ahead of the server: check the sender's clock.",
            "Không quá 10 phút so với máy chủ: kiểm tra đồng hồ bên gửi.",
        ),
    ),
    "time_out_of_range": ProblemKind(
        422,
        Message("The time is out of range", "Thời điểm ngoài khoảng cho phép"),
        Message(
            "Events happen after 2000; dates in data lie in 2000-2100.",
            "Sự kiện xảy ra từ năm 2000; ngày trong dữ liệu từ 2000 đến 2100.",
        ),
    ),
    "conflict": ProblemKind(
        409,
        Message("This id was used for something else", "Mã sự kiện đã dùng cho nội dung khác"),
        Message(
            "An id names one event for ever; send a correction with a new id.",
            "Một mã chỉ gắn với một sự kiện; gửi nội dung đính chính với mã mới.",
        ),
    ),
    "life_too_long": ProblemKind(
        422,
        Message("The subject has too many events", "Hồ sơ có quá nhiều sự kiện"),
        Message(
            "At most 1,000 events, and as many retractions and voids.",
            "Tối đa 1.000 sự kiện, và chừng ấy lần rút lại hay hủy.",
        ),
    ),
    "forbidden_unit": ProblemKind(
        403,
        Message("The key does not reach this unit", "Khóa API không có quyền với đơn vị này"),
        Message(
            "A key reaches its own unit and those under it.",
            "Khóa API chỉ có quyền với đơn vị của nó và các đơn vị trực thuộc.",
        ),
    ),
    "forbidden_scope": ProblemKind(
        403,
        Message("The key may not do this", "Khóa API không được làm việc này"),
        Message(
            "Use a key of the scope the call needs: ingest, read or admin.",
            "Dùng khóa API có quyền mà lời gọi cần: ingest, read hoặc admin.",
        ),
    ),
    "unauthenticated": ProblemKind(
        401,
        Message("No valid key", "Không có khóa API hợp lệ"),
        Message(
            "Send Authorization: Bearer <key> with a key that is not revoked.",
            "Gửi Authorization: Bearer <khóa> với khóa API chưa bị thu hồi.",
        ),
    ),
    "invalid_period": ProblemKind(
        422,
        Message("The period is not valid", "Kỳ không hợp lệ"),
        Message(
            "2026, 2026-H1, 2026-9M, 2026-Q3, 2026-08, 2026-W34, 2026-08-15, or from and to.",
            "2026, 2026-H1, 2026-9M, 2026-Q3, 2026-08, 2026-W34, 2026-08-15, hoặc from và to.",
        ),
    ),
    "period_in_future": ProblemKind(
        422,
        Message("The period has not begun", "Kỳ chưa bắt đầu"),
        Message("Ask for a period that has begun.", "Hỏi một kỳ đã bắt đầu."),
    ),
    "invalid_parameter": ProblemKind(
        422,
        Message("A parameter is not valid", "Tham số không hợp lệ"),
        Message("Look at the named parameter.", "Xem tham số được nêu."),
    ),
    "no_breakdown": ProblemKind(
        422,
        Message("The indicator has no such dimension", "Chỉ số không có chiều này"),
        Message("Break it down by another dimension.", "Phân tích theo chiều khác."),
    ),
    "snapshot_changed": ProblemKind(
        409,
        Message("The figures have changed since", "Số liệu đã thay đổi"),
        Message("Begin again at the first page.", "Bắt đầu lại từ trang đầu."),
    ),
    "too_large": ProblemKind(
        413,
        Message("The body is too large", "Nội dung quá lớn"),
        Message("Split it; 32 MiB decompressed are the most.", "Chia nhỏ; tối đa 32 MiB sau khi giải nén."),
    ),
    "too_many_events": ProblemKind(
        413,
        Message("Too many events at once", "Quá nhiều sự kiện một lần"),
        Message("Split them; 10,000 events a request are the most.", "Chia nhỏ; tối đa 10.000 sự kiện mỗi lần gửi."),
    ),
    "unsupported_media_type": ProblemKind(
        415,
        Message("The content type is not supported", "Kiểu nội dung không được hỗ trợ"),
        Message(
            "JSON, CloudEvents JSON, batch or NDJSON, in UTF-8.",
            "JSON, CloudEvents JSON, lô hoặc NDJSON, mã hóa UTF-8.",
        ),
    ),
    "unsupported_encoding": ProblemKind(
        415,
        Message("The content encoding is not supported", "Kiểu nén không được hỗ trợ"),
        Message("Send gzip or nothing.", "Gửi gzip hoặc không nén."),
    ),
    "not_found": ProblemKind(
        404,
        Message("There is nothing here", "Không có gì ở đây"),
        Message("Check the path.", "Kiểm tra lại đường dẫn."),
    ),
    "method_not_allowed": ProblemKind(
        405,
        Message("The method is not allowed here", "Không dùng được phương thức này ở đây"),
        Message("See the Allow header.", "Xem tiêu đề Allow."),
    ),
    "incomplete_body": ProblemKind(
        400,
        Message("The body is not what was announced", "Nội dung không đúng như đã báo"),
        Message(
            "Send as many bytes as Content-Length says, or sound chunks. Nothing was taken of it.",
            "Gửi đủ số byte như Content-Length đã báo, hoặc các khúc hợp lệ. Chưa ghi nhận gì.",
        ),
    ),
    "request_timeout": ProblemKind(
        408,
        Message("The request took too long to arrive", "Yêu cầu đến quá chậm"),
        Message(
            "Send it at once; a slow line needs smaller or compressed bodies.",
            "Gửi liền một lượt; đường truyền chậm thì chia nhỏ hoặc nén nội dung.",
        ),
    ),
    "uri_too_long": ProblemKind(
        414, Message("The URL is too long", "Địa chỉ quá dài"), Message("8 KiB are the most.", "Tối đa 8 KiB.")
    ),
    "headers_too_large": ProblemKind(
        431,
        Message("The headers are too large", "Phần đầu yêu cầu quá lớn"),
        Message("64 KiB are the most for all of them.", "Tối đa 64 KiB cho tất cả tiêu đề."),
    ),
    "rate_limited": ProblemKind(
        429,
        Message("Too often", "Quá nhiều lần"),
        Message(
            "Nothing was acknowledged. Wait Retry-After seconds; the detail names the limit.",
            "Chưa ghi nhận gì. Đợi số giây trong Retry-After; chi tiết nêu rõ giới hạn.",
        ),
    ),
    "overloaded": ProblemKind(
        503,
        Message("Too much at once", "Quá tải"),
        Message(
            "Nothing was acknowledged. Send it again after Retry-After seconds.",
            "Chưa ghi nhận gì. Gửi lại sau số giây trong Retry-After.",
        ),
    ),
    "database_unavailable": ProblemKind(
        503,
        Message("The database is away", "Cơ sở dữ liệu không sẵn sàng"),
        Message(
            "Nothing was acknowledged. Send it again after Retry-After seconds.",
            "Chưa ghi nhận gì. Gửi lại sau số giây trong Retry-After.",
        ),
    ),
    "internal": ProblemKind(
        500,
        Message("Something broke here", "Lỗi bên trong dịch vụ"),
        Message(
            "Tell the operator the request id; nothing was acknowledged.",
            "Báo mã yêu cầu cho người vận hành; chưa ghi nhận gì.",
        ),
    ),
}
