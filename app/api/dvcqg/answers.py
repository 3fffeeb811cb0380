"""Answers that every client of the national portal takes for what they are.

Success is the text "0" (some old ones want "00") and the words `Thành công`; whatever failed has neither these nor the
words `đã tồn tại`, upon which a client would send the same to another address.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from fastapi import Response

from app.api.dvcqg.receive import Fault, Received
from app.api.http.answers import json_response
from app.api.http.problems import event_status

SUCCESS: Final = "Thành công"
CODE: Final = "0"
_FAILED: Final = "1"
_LASTS_SECONDS: Final = 3600


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
        return done(code, **_beside(outcome))
    errors = _told(outcome.faults)
    more = {"kept": outcome.kept, "errors": errors, **_beside(outcome)}
    return json_response({"error_code": _FAILED, "message": _said(errors), **more})


def _beside(outcome: Received) -> dict[str, Any]:
    """What is to be known of what is kept; no client looks at it before it has looked for success."""
    waiting = {"waiting": outcome.parked} if outcome.parked and not outcome.faults else {}
    return waiting | ({"warnings": _told(outcome.unread)} if outcome.unread else {})


def _told(faults: Sequence[Fault]) -> list[dict[str, Any]]:
    return [
        {
            "index": each.index,
            "MaHoSo": each.subject,
            "code": each.fault.code,
            "field": each.fault.field,
            "detail": (each.fault.plain or each.fault.detail).vi,
        }
        for each in faults
    ]


def _said(errors: Sequence[Mapping[str, Any]]) -> str:
    first = errors[0]
    return f"{len(errors)} không nhận: {first['field'] or first['code']}: {first['detail']}"


def failed(message: str) -> Response:
    """A call that nothing can be made of."""
    return json_response({"error_code": _FAILED, "message": message})


def token(key: str) -> Response:
    """A token of OAuth."""
    told = {"access_token": key, "token_type": "Bearer", "expires_in": _LASTS_SECONDS}
    return json_response({"code": 200, "message": SUCCESS, "data": told, **told})


def of_oauth(status: int, data: Any, message: str = SUCCESS) -> Response:
    """An answer of the OAuth dialect: its code is the HTTP status too."""
    answer = json_response({"code": status, "message": message, "data": data})
    answer.status_code = status
    return answer


def received_by_oauth(outcome: Received) -> Response:
    """What became of a dossier, a status or steps: the status is that of the first fault."""
    if not outcome.faults:
        return of_oauth(200, _beside(outcome))
    errors = _told(outcome.faults)
    code = outcome.faults[0].fault.code
    status = 503 if code == "overloaded" else event_status(code)
    return of_oauth(status, {"kept": outcome.kept, "errors": errors}, _said(errors))
