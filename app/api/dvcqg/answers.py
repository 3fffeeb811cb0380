"""Answers that every client of the national portal takes for what they are.

Success is the text "0" (some old ones want "00") and the words `Thành công`; whatever failed has neither these nor the
words `đã tồn tại`, upon which a client would send the same to another address.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from fastapi import Response

from app.api.dvcqg.receive import Received
from app.api.http.answers import json_response

SUCCESS: Final = "Thành công"
_FAILED: Final = "1"


def done(code: str, **more: Any) -> Response:
    """A call that was done."""
    return json_response({"error_code": code, "message": SUCCESS, **more})


def found(code: str, rows: Sequence[Any], asked_by_get: bool) -> Response:
    """What a catalogue or a look-up found; who asks by GET reads it out of the message, as JSON within JSON."""
    message = json.dumps({"result": rows}, ensure_ascii=False) if asked_by_get else SUCCESS
    return json_response({"error_code": code, "message": message, "result": rows})


def received(code: str, outcome: Received) -> Response:
    """What became of dossiers or steps: one that is not kept makes the call fail, and the others are kept."""
    if not outcome.faults:
        return done(code, **({"waiting": outcome.parked} if outcome.parked else {}))
    errors = [
        {
            "index": each.index,
            "MaHoSo": each.subject,
            "code": each.fault.code,
            "field": each.fault.field,
            "detail": (each.fault.plain or each.fault.detail).vi,
        }
        for each in outcome.faults
    ]
    first = errors[0]
    told = f"{len(outcome.faults)} không nhận: {first['field'] or first['code']}: {first['detail']}"
    return json_response({"error_code": _FAILED, "message": told, "kept": outcome.kept, "errors": errors})


def failed(message: str) -> Response:
    """A call that nothing can be made of."""
    return json_response({"error_code": _FAILED, "message": message})
