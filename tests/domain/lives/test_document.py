"""Documents sent (văn bản đi): counted at the earliest sending, as last described."""

from __future__ import annotations

from app.domain.lives.document import TIERS
from tests.domain.lives.telling import cases, document, shown


@cases(
    "life, sent, electronic, signed, tier",
    ("sent on paper", "5 sent electronic=no", "5", False, False, "none"),
    ("sent electronically", "5 sent electronic=yes", "5", True, False, "none"),
    ("sent electronically and signed", "5 sent electronic=yes signed=yes", "5", True, True, "none"),
    ("signed, on paper", "5 sent electronic=no signed=yes", "5", False, True, "none"),
    ("of the province", "5 sent electronic=no tier=province", "5", False, False, "province"),
    ("of the agencies", "5 sent electronic=no tier=agencies", "5", False, False, "agencies"),
    ("of a commune", "5 sent electronic=no tier=commune", "5", False, False, "commune"),
    ("sent twice counts when first sent", "9 sent electronic=no; 5 sent electronic=no", "5", False, False, "none"),
    ("the last word of how it went counts", "5 sent electronic=no; 9 sent electronic=yes", "5", True, False, "none"),
    ("also back to paper", "5 sent electronic=yes; 9 sent electronic=no", "5", False, False, "none"),
    ("last is by time, not by arrival", "9 sent electronic=no; 5 sent electronic=yes", "5", False, False, "none"),
    ("the last word of signing counts",
     "5 sent electronic=yes signed=yes; 9 sent electronic=yes signed=no", "5", True, False, "none"),
    ("no later word of signing leaves it",
     "5 sent electronic=yes signed=yes; 9 sent electronic=yes", "5", True, True, "none"),
    ("the last word of the tier counts",
     "5 sent electronic=no tier=commune; 9 sent electronic=no tier=province", "5", False, False, "province"),
    ("no later word of the tier leaves it",
     "5 sent electronic=no tier=commune; 9 sent electronic=no", "5", False, False, "commune"),
    ("to whom changes nothing", "5 sent electronic=no; 9 sent electronic=no to=everybody", "5", False, False, "none"),
)  # fmt: skip
def test_when_and_how_it_was_sent(life: str, sent: str, electronic: bool, signed: bool, tier: str) -> None:
    facts = document(life)
    assert (shown(facts.sent_at), facts.electronic, facts.signed, TIERS[facts.tier]) == (sent, electronic, signed, tier)
