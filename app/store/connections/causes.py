"""What can be the matter with a database, and what to do: for whoever asks, reads the log or types commands."""

from __future__ import annotations

import socket
from typing import Final, NamedTuple

import asyncpg

from app.messages import Message


class Cause(NamedTuple):
    """What is the matter, in words of which "the database" is the subject; what to do; whether it takes a hand, so that
    waiting does not mend it.
    """

    says: Message
    do: Message
    by_hand: bool = False


_SEE_LOG: Final = Message("see the log of the database", "xem nhật ký của cơ sở dữ liệu")
_NEWER: Final = Cause(
    Message("its schema is not this version's", "lược đồ không phải của phiên bản này"),
    Message("run `chiso migrate`", "chạy `chiso migrate`"),
    by_hand=True,
)
_AGAIN: Final = Message("try again, and see its log", "hãy thử lại, và xem nhật ký của nó")
_USER: Final = Message(
    "check user and database in CHISO_DATABASE__DSN, and pg_hba.conf",
    "kiểm tra người dùng và cơ sở dữ liệu trong CHISO_DATABASE__DSN, và pg_hba.conf",
)
_PASSWORD: Final = Message(
    "check user and password in CHISO_DATABASE__DSN", "kiểm tra người dùng và mật khẩu trong CHISO_DATABASE__DSN"
)

READ_ONLY: Final = Cause(
    Message(
        "it is read-only: a standby, or a primary or a role that was told to be",
        "chỉ đọc: là máy dự phòng, hoặc máy chính hay vai trò bị đặt như vậy",
    ),
    Message(
        "name the primary, and a role that writes, in CHISO_DATABASE__DSN",
        "hãy nêu máy chính, và một vai trò được ghi, trong CHISO_DATABASE__DSN",
    ),
)
POOLED: Final = Cause(
    Message(
        "a pooler before it lends connections by transactions; it has to be by sessions, or connect past it",
        "bộ gộp kết nối phía trước cấp kết nối theo giao dịch; phải theo phiên, hoặc kết nối thẳng",
    ),
    Message(
        "set pool_mode = session, or name the database itself in CHISO_DATABASE__DSN",
        "đặt pool_mode = session, hoặc nêu chính cơ sở dữ liệu trong CHISO_DATABASE__DSN",
    ),
)
STATEMENT: Final = Cause(Message("it refused a statement", "từ chối một câu lệnh"), _SEE_LOG)
SILENT: Final = Cause(
    Message("it does not answer in time", "không trả lời kịp"),
    Message(
        "check host and port in CHISO_DATABASE__DSN, and whether it is overloaded",
        "kiểm tra máy và cổng trong CHISO_DATABASE__DSN, và nó có quá tải không",
    ),
)
_LOST: Final = Cause(Message("the connection was lost", "mất kết nối"), _AGAIN)
_REFUSED: Final = Cause(
    Message("nothing listens at its address", "không có gì lắng nghe ở địa chỉ của nó"),
    Message(
        "start it, or check host and port in CHISO_DATABASE__DSN",
        "hãy khởi động nó, hoặc kiểm tra máy và cổng trong CHISO_DATABASE__DSN",
    ),
)
_AWAY: Final = Cause(
    Message("it cannot be reached", "không kết nối được"),
    Message(
        "start it, or check host and port in CHISO_DATABASE__DSN",
        "hãy khởi động nó, hoặc kiểm tra máy và cổng trong CHISO_DATABASE__DSN",
    ),
)
_NO_HOST: Final = Cause(
    Message("its host has no address", "không tìm được địa chỉ máy của nó"),
    Message("check the host in CHISO_DATABASE__DSN", "kiểm tra máy trong CHISO_DATABASE__DSN"),
    by_hand=True,
)
_UNREADABLE: Final = Cause(
    Message("its address cannot be read", "không đọc được địa chỉ của nó"),
    Message(
        "postgresql://user:password@host:5432/name, special letters as %XX, in CHISO_DATABASE__DSN",
        "postgresql://user:password@host:5432/name, ký tự đặc biệt viết %XX, trong CHISO_DATABASE__DSN",
    ),
    by_hand=True,
)

_BY_STATE: Final = {
    # By SQLSTATE or its class; https://www.postgresql.org/docs/current/errcodes-appendix.html
    "08": _LOST,
    "08P01": Cause(
        Message(
            "it, or a pooler before it, does not understand what a connection begins with",
            "máy chủ, hoặc bộ gộp kết nối phía trước, không hiểu cách mở kết nối",
        ),
        Message("check CHISO_DATABASE__DSN", "kiểm tra CHISO_DATABASE__DSN"),
    ),
    "25006": READ_ONLY,
    "26000": POOLED,
    "28": Cause(
        Message("it refuses the user or the password", "từ chối người dùng hoặc mật khẩu"), _USER, by_hand=True
    ),
    "28P01": Cause(Message("it refuses the password", "từ chối mật khẩu"), _PASSWORD, by_hand=True),
    "3D": Cause(
        Message("it has no database of this name", "không có cơ sở dữ liệu tên này"),
        Message(
            "create it, or check the name in CHISO_DATABASE__DSN",
            "hãy tạo, hoặc kiểm tra tên trong CHISO_DATABASE__DSN",
        ),
        by_hand=True,
    ),
    "3F": _NEWER,
    "40": Cause(
        Message("other transactions were in the way", "bị giao dịch khác cản trở"), Message("try again", "hãy thử lại")
    ),
    "42": STATEMENT._replace(by_hand=True),
    "42501": Cause(
        Message("its user lacks a right", "người dùng thiếu quyền"),
        Message("see the grants in docs/operations.md", "xem các quyền trong docs/operations.md"),
        by_hand=True,
    ),
    "42P05": POOLED,
    "42703": _NEWER,
    "42P01": _NEWER,
    "53": Cause(Message("it is short of resources", "thiếu tài nguyên"), _SEE_LOG),
    "53100": Cause(Message("its disk is full", "đầy đĩa"), Message("make room", "hãy giải phóng chỗ")),
    "53200": Cause(Message("it is out of memory", "hết bộ nhớ"), _SEE_LOG),
    "53300": Cause(
        Message("it has too many clients", "quá nhiều kết nối"),
        Message(
            "raise max_connections, or lower CHISO_DATABASE__*_CONNECTIONS",
            "tăng max_connections, hoặc giảm CHISO_DATABASE__*_CONNECTIONS",
        ),
    ),
    "55": Cause(
        Message("it cannot do this in the state it is in", "không làm được việc này trong trạng thái hiện tại"),
        _SEE_LOG,
    ),
    "55P03": Cause(
        Message("what is needed is locked by others", "thứ cần dùng đang bị khóa"),
        Message("try again, and see pg_stat_activity", "hãy thử lại, và xem pg_stat_activity"),
    ),
    "57": Cause(
        Message(
            "it is starting, stopping, or was told to end this", "đang khởi động, đang dừng, hoặc bị yêu cầu ngừng"
        ),
        Message("wait for it", "hãy đợi"),
    ),
    "57014": Cause(
        Message(
            "it cancelled a statement: a timeout, or an operator",
            "đã hủy một câu lệnh: quá hạn, hoặc do người vận hành",
        ),
        Message("try again, and see statement_timeout", "hãy thử lại, và xem statement_timeout"),
    ),
    "57P03": Cause(
        Message("it is starting or stopping", "đang khởi động hoặc đang dừng"), Message("wait for it", "hãy đợi")
    ),
    "58": Cause(Message("its system failed", "hệ thống của nó bị hỏng"), _SEE_LOG),
    "F0": Cause(Message("its configuration is broken", "cấu hình của nó bị hỏng"), _SEE_LOG),
    "XX": Cause(Message("it reports a fault of its own", "báo lỗi của chính nó"), _SEE_LOG),
}


def cause_of(error: BaseException) -> Cause:
    """What an error of a driver or the network says of the database."""
    sqlstate: str | None = getattr(error, "sqlstate", None)
    if sqlstate:
        return _BY_STATE.get(sqlstate) or _BY_STATE.get(sqlstate[:2]) or STATEMENT
    if isinstance(error, socket.gaierror):
        # A resolver that is away may come back.
        return _NO_HOST._replace(by_hand=error.errno != socket.EAI_AGAIN)
    # Of several addresses that all refuse asyncio makes one failure without a number; a socket's file may be missing.
    if isinstance(error, ConnectionRefusedError | FileNotFoundError):
        return _REFUSED
    if isinstance(error, OSError) and "Connect call failed" in str(error):
        return _REFUSED
    return next((cause for kind, cause in _BY_TYPE if isinstance(error, kind)), _AWAY)


def in_detail(error: BaseException) -> str:
    """What an error says beyond its cause, in a line: the server's own message and code, the system's word; never an
    address, which may hold a password.
    """
    first = next(iter(str(error).splitlines()), type(error).__name__)
    if sqlstate := getattr(error, "sqlstate", None):
        return f" ({first}, SQLSTATE {sqlstate})"
    return f" ({getattr(error, 'strerror', None) or first})" if cause_of(error) in (_LOST, _AWAY) else ""


_BY_TYPE: Final = (
    (asyncpg.TargetServerAttributeNotMatched, READ_ONLY),
    (TimeoutError, SILENT),
    (ValueError, _UNREADABLE),
    (asyncpg.InterfaceError, _LOST),
)
