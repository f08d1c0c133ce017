"""Why an offer does not go out: the reasons of the contracts."""

from __future__ import annotations

NO_CONSENT = "no consent"
OPTED_OUT = "opted out"
NOT_IN_AUDIENCE = "not in audience"
OUTSIDE_DATES = "outside campaign dates"
UNKNOWN_IDENTITY = "unknown identity"
UNKNOWN_TIME_ZONE = "unknown time zone"
EXCLUDED = "excluded"
OUT_RANKED = "out-ranked"
CAPPED = "capped"
SOLD_OUT = "sold out"
QUIET_HOURS = "quiet hours"
EXPIRED = "expired"
FEED_NOT_TRUSTED = "feed not trusted"
STOPPED = "stopped"

REASONS = (
    NO_CONSENT,
    OPTED_OUT,
    NOT_IN_AUDIENCE,
    OUTSIDE_DATES,
    UNKNOWN_IDENTITY,
    UNKNOWN_TIME_ZONE,
    EXCLUDED,
    OUT_RANKED,
    CAPPED,
    SOLD_OUT,
    QUIET_HOURS,
    EXPIRED,
    FEED_NOT_TRUSTED,
    STOPPED,
)
