"""Why a row of a catalogue cannot be taken in, or is to be looked at."""

from __future__ import annotations

from typing import Final

from app.messages import Message

NAMED_BEYOND: Final = Message(
    "the key does not reach the unit that is named, or was",
    "khóa API không có quyền với đơn vị được nêu, hoặc đã được nêu",
)
ALIAS_BEYOND: Final = Message(
    "the key does not reach a unit of this code",
    "khóa API không có quyền với đơn vị mang mã này",
)
LEVEL_BEYOND: Final = Message(
    "the key does not reach the units of this level: this takes one of above",
    "khóa API không có quyền với các đơn vị ở cấp này: cần khóa của cấp trên",
)
CODE_USED_BEFORE: Final = Message(
    "the code was a unit's until before that day: take one of its own",
    "mã này là của một đơn vị khác đến trước ngày đó: hãy dùng mã riêng",
)
CODE_OF_ENDED: Final = Message(
    "the code is that of a unit that has ended: take another for a new one",
    "mã này là của một đơn vị đã kết thúc: hãy dùng mã khác cho đơn vị mới",
)
RENAMED_AFTER_END: Final = Message(
    "the unit has ended; if this is another one, it takes a code of its own",
    "đơn vị đã kết thúc; nếu đây là đơn vị khác thì cần mã riêng",
)
MERGED_WITHOUT_DAY: Final = Message(
    "merged, but not since when: as=then shows it in every period",
    "đã sáp nhập nhưng không nêu từ khi nào: as=then sẽ hiện đơn vị này ở mọi kỳ",
)
ALIAS_MOVED: Final = Message(
    "another unit had this alias: what came under it stays there",
    "đơn vị khác từng có mã phụ này: những gì đã đến với mã đó vẫn ở đơn vị ấy",
)
CONTRADICTING: Final = Message(
    "the rows contradict each other again and again",
    "các dòng liên tục mâu thuẫn với nhau",
)
PARENT_NOT_ABOVE: Final = Message(
    "a parent stands above its unit by dotted segments",
    "đơn vị cấp trên phải đứng trên đơn vị này theo các phần cách nhau bằng dấu chấm",
)
NO_UNIT_OF_CODE: Final = Message(
    "no unit of the catalogue has this code",
    "danh mục không có đơn vị nào mang mã này",
)
OWN_SUCCESSOR: Final = Message(
    "a unit cannot be its own successor",
    "đơn vị không thể kế thừa chính mình",
)
CODE_IS_ALIAS: Final = Message(
    "another unit has this code as an alias",
    "đơn vị khác có mã này làm mã phụ",
)
ALIAS_IS_CODE: Final = Message(
    "a unit has this code of its own",
    "mã này là mã chính của một đơn vị",
)
ALIAS_TAKEN: Final = Message(
    "another unit has this alias",
    "đơn vị khác đã có mã phụ này",
)
SUCCESSORS_IN_RING: Final = Message(
    "the successors lead back to this unit",
    "chuỗi đơn vị kế thừa quay về chính đơn vị này",
)
VALIDITY_REVERSED: Final = Message(
    "the validity ends before it begins",
    "hiệu lực kết thúc trước khi bắt đầu",
)
PROCEDURES_OF_ROOT: Final = Message(
    "procedures are the root's: this takes a key of the root itself",
    "thủ tục hành chính là của đơn vị gốc: cần khóa API của chính đơn vị gốc",
)
LEVELS_OF_ROOT: Final = Message(
    "targets of a level take a key of the root itself",
    "chỉ tiêu của một cấp cần khóa API của chính đơn vị gốc",
)
NOTHING_TO_SHOW: Final = Message(
    "at least one of value, score, count and rank is to be given",
    "cần nêu ít nhất một trong value, score, count và rank",
)
CALENDAR_OF_ROOT: Final = Message(
    "the calendar is the root's: this takes a key of the root itself",
    "lịch là của đơn vị gốc: cần khóa API của chính đơn vị gốc",
)
KIND_OF_NEW_DAY: Final = Message(
    "required for a day that is not in the calendar yet",
    "bắt buộc với ngày chưa có trong lịch",
)
