"""The shapes of lists: the lives behind a number, one life explained, faults of the data, rejections."""

from __future__ import annotations

from typing import Final

from app.api.http.openapi.events import REJECTION_CODES, SUMMARIES
from app.api.http.openapi.figures import HEADING, INDICATOR_CODE
from app.api.http.openapi.schemas import (
    Schema,
    choice,
    day,
    flag,
    instant,
    nullable,
    nullables,
    number,
    record,
    ref,
    rows,
    text,
    whole,
)
from app.domain.lives.document import TIERS
from app.domain.lives.dossier import CHANNELS, RETURN_WAYS
from app.domain.lives.explain import CAUSES
from app.domain.lives.flags import FAULTS, FLAGS
from app.domain.lives.petition import ABOUT

SIDES: Final = ("numerator", "missing", "denominator")
_DEADLINE: Final = "2026-01-12T17:00:00+07:00"
_ENDED: Final = "2026-01-09T10:00:00+07:00"

_NEXT: Final = nullable(text("`cursor` of the next page; null on the last.", None))
_NOTE: Final = nullable(text("What is to be known about the number, in Vietnamese.", None))
_SUBJECT: Final = text("The code of the dossier, petition, document, procedure or unit.", "H44.07-260105-0001")
_ON_TIME: Final = nullable(flag("False when late or overdue, null while it may still end in time."))
_TIMES: Final = {
    "received_at": nullable(instant("When it was received, or sent.")),
    "due_at": nullable(instant("When it is due.", _DEADLINE)),
    "deadline": nullable(instant("Until when it is in time; null is never late.", _DEADLINE)),
    "ended_at": nullable(instant("When it ended.", _ENDED)),
    "on_time": _ON_TIME,
}
_DOSSIER_FLAG: Final = choice("What is known of it.", FLAGS, "fee")
ITEM: Final = record(
    {
        "kind": choice("What it is.", ("dossier", "petition", "document", "procedure", "unit")),
        "subject": _SUBJECT,
        **nullables(
            {
                "unit": text("The unit.", "H44.07"),
                "procedure": text("The procedure.", "1.004555"),
                "channel": choice("How it came.", CHANNELS),
            }
        ),
        **_TIMES,
        "flags": rows(
            choice("A flag.", (*FLAGS, *ABOUT, "late_published", "electronic", "signed", *TIERS[1:]), "fee"),
            "What is known of it.",
        ),
    },
    "A life of a list: codes and times only; what its kind does not have is null.",
)
DOSSIERS: Final = record(
    {
        **HEADING,
        "indicator": INDICATOR_CODE,
        "side": choice("The side.", SIDES),
        "total": whole("The number of the scorecard.", 1),
        "note": _NOTE,
        "items": rows(ref("Item"), "A page of them.", maxItems=1000),
        "next": _NEXT,
    },
    "The lives behind a number.",
)

_NAMED: Final = record({"source": text("Its source.", "/h44/igate"), "id": text("Its id.", "9f6c0a53")}, "An event.")
_VERDICTS: Final = rows(
    record(
        {
            "indicator": INDICATOR_CODE,
            "name": text("Its name.", "Tỷ lệ hồ sơ đúng hạn"),
            "verdict": choice("Where it stands now.", ("numerator", "missing", "not_counted")),
            "reason": text("Why, in Vietnamese.", "Trong hạn tính đến nay."),
        },
        "An indicator and the side it stands on.",
    ),
    "What it counts in.",
)
_SECONDS: Final = {"minimum": 0}
RECKONING: Final = record(
    {
        "basis": choice(
            "The due time that was given, the legal time of the procedure, or nothing.", ("due", "legal", "none")
        ),
        "due_history": rows(
            record(
                {
                    "due_at": instant("The due time.", _DEADLINE),
                    "given_at": instant("When it was given."),
                    "type": choice("By which type of event.", SUMMARIES, "dossier.received"),
                    **_NAMED["properties"],
                },
                "A due time that was given.",
            ),
            "The due times, the last one holds.",
        ),
        "working_days": nullable(whole("The legal limit.", None)),
        "legal_end": nullable(instant("Its end.", None)),
        "pauses": rows(
            record(
                {
                    "from": instant("When the supplement was asked for.", "2026-01-06T09:00:00+07:00"),
                    "to": nullable(instant("When it came.", "2026-01-07T09:00:00+07:00")),
                    "seconds": nullable(number("How long.", 86400.0)),
                    "counts": flag("Whether the clock stood."),
                    "reason": nullable(text("If not, why, in Vietnamese.", None)),
                },
                "A request for a supplement.",
            ),
            "The pauses.",
        ),
        "paused_seconds": number("How long the clock stood.", 86400.0, **_SECONDS),
        "explanation": text("The same in sentences, in Vietnamese.", "Hạn giải quyết: 17:00 12/01/2026."),
    },
    "How the deadline came about.",
)
DOSSIER: Final = record(
    {
        "unit": text("The unit that handles it.", "H44.07"),
        "receiving_unit": text("The unit that received it.", "H44.07"),
        **nullables({"procedure": text("The procedure.", "1.004555"), "channel": choice("How it came.", CHANNELS)}),
        **_TIMES,
        **nullables(
            {
                "returned_at": instant("When the result was returned.", _ENDED),
                "returned_via": choice("How.", RETURN_WAYS),
            }
        ),
        "voided": flag("Whether it left every count.", False),
        "flags": rows(_DOSSIER_FLAG, "What is known of it."),
        "faults": rows(choice("A fault.", FAULTS), "What is wrong with its events.", examples=[[]]),
        "reckoning": nullable(ref("Reckoning")),
        "verdicts": _VERDICTS,
    },
    "A dossier's facts.",
)
PETITION: Final = record(
    {
        "unit": text("The unit.", "H44.07"),
        "about": choice("What it is about.", ABOUT),
        **{name: schema for name, schema in _TIMES.items() if name != "due_at"},
        "late_published": flag("Whether its answer was published late.", False),
        "disliked": flag("Whether a rater was not satisfied.", False),
        "voided": flag("Whether it left every count.", False),
        "verdicts": _VERDICTS,
    },
    "A petition's facts.",
)
DOCUMENT: Final = record(
    {
        "unit": text("The unit.", "H44.07"),
        "sent_at": nullable(instant("When it was sent.")),
        "electronic": flag("Whether electronically."),
        "signed": flag("Whether with a digital signature."),
        "tier": nullable(choice("The tier of the sender.", TIERS[1:])),
        "verdicts": _VERDICTS,
    },
    "A document's facts.",
)
_DECIDED: Final = {"decided_on": day("The date of the decision.")}
PROCEDURE: Final = record(
    {
        "announced": rows(record({**_DECIDED, "effective_on": day("Its effect.")}, "One."), "Announcements."),
        "published": rows(
            record({**_DECIDED, "published_on": day("When."), "complete": flag("Whether complete.")}, "One."),
            "Publications.",
        ),
    },
    "What was decided and published of a procedure.",
)
TOLD: Final = record(
    {
        "type": choice("The type.", SUMMARIES, "dossier.received"),
        "time": instant("When it happened."),
        **_NAMED["properties"],
        "unit": text("The unit that handled it.", "H44.07"),
        "sequence": nullable(text("Its order among events of one instant.", None)),
        "data": {
            "type": "object",
            "description": "What it says, as in the type's `data`; absent fields are left out.",
            "examples": [{"procedure": "1.004555", "channel": "online", "due_at": _DEADLINE}],
        },
        "effect": flag("Whether it had an effect."),
        "cause": nullable(choice("If not, why.", CAUSES)) | {"examples": [None]},
        "reason": nullable(text("The same in a sentence, in Vietnamese.", None)),
        "undoes": nullable(_NAMED) | {"examples": [None]},
        "undone_by": nullable(_NAMED) | {"examples": [None]},
    },
    "An event of a life.",
)
LIFE: Final = record(
    {
        "subject": _SUBJECT,
        "as_of": HEADING["as_of"],
        "catalogue": HEADING["catalogue"],
        "refolding": HEADING["refolding"],
        "dossier": nullable(ref("DossierFacts")),
        "petitions": rows(ref("PetitionFacts"), "Petitions of this code, by unit.", examples=[[]]),
        "documents": rows(ref("DocumentFacts"), "Documents of this code, by unit.", examples=[[]]),
        "procedure": nullable(ref("PublicationFacts")) | {"examples": [None]},
        "events": rows(ref("ToldEvent"), "Every event, in reading order."),
    },
    "All that is known under one code, and why.",
)

_CAUSE: Final = {
    "cause": choice("The cause.", FAULTS, "no_reception"),
    "name": text("The cause in Vietnamese.", "Chưa có sự kiện tiếp nhận"),
}
_QUALITY: Final = {name: HEADING[name] for name in ("unit", "scope", "as_of", "catalogue", "refolding")} | {
    "note": text("What is left out, in Vietnamese.", "Hồ sơ, phản ánh đã hủy không nằm trong danh sách này.")
}
CAUSE_COUNTS: Final = record(
    {
        **_QUALITY,
        "causes": rows(record({**_CAUSE, "count": whole("How many lives.", 3)}, "A cause."), "All causes."),
    },
    "Faults of the data by cause.",
)
CAUSE_LIST: Final = record(
    {
        **_QUALITY,
        **_CAUSE,
        "total": whole("How many lives.", 1),
        "items": rows(ref("Item"), "A page of them.", maxItems=1000),
        "next": _NEXT,
    },
    "The lives with one fault.",
)
REJECTIONS: Final = record(
    {
        "items": rows(
            record(
                {
                    "received_at": instant("When it arrived.", "2026-01-05T08:12:01.000001+07:00"),
                    "source": nullable(text("Its source, as far as it can be read.", "/h44/igate")),
                    "index": whole("Its place in the batch.", 17),
                    "id": nullable(text("Its id, as far as it can be read.", "9f6c0a53")),
                    "code": choice("Why it was refused.", REJECTION_CODES, "unknown_field"),
                    "field": nullable(text("The field at fault.", "data.name")),
                },
                "A refused event; of its content nothing is kept.",
            ),
            "A page of them, newest first.",
            maxItems=1000,
        ),
        "next": _NEXT,
    },
    "Events that were refused.",
)
COMPONENTS: Final[dict[str, Schema]] = {
    "Item": ITEM,
    "Dossiers": DOSSIERS,
    "Reckoning": RECKONING,
    "DossierFacts": DOSSIER,
    "PetitionFacts": PETITION,
    "DocumentFacts": DOCUMENT,
    "PublicationFacts": PROCEDURE,
    "ToldEvent": TOLD,
    "Life": LIFE,
    "CauseCounts": CAUSE_COUNTS,
    "CauseList": CAUSE_LIST,
    "Rejections": REJECTIONS,
}
