"""Where everything stands in the memory of compiled correlation (`store`): names of words.

Registers stand first, then *pools* of equal records (connections, dialogues, calls …). A record is
named by its number in its pool. The names say what `connections`, `subject` and `call` keep.
"""

from __future__ import annotations

from typing import Final

from decoders.quality import LINKS_OF_AREA

NONE: Final = -(1 << 62)
"""A time that is not known."""

(
    NOW,
    CLOSES,
    NEXT_NUMBER,
    LIVE,
    FIRST,
    LAST_OF_ALL,
    TOLD_EVENTS,
    DRAFTED,
    HEAPED,
    IDLE,
    CALL_IDLE,
    LINGER,
    JITTER,
    MIRROR,
    MOST_CONNECTIONS,
    HANDOVER,
    POOL_BITS,
    EVICTED,
    LATE,
    UNKNOWN_SIDE,
    MIRRORED,
    REPEATED,
    NO_IDENTITY,
    BOUND,
    CONTRADICTED,
    UNBOUND,
    VLRS_MET,
    ARRIVED,
    DUPLICATE,
    REPLACED,
    ABSORBED,
    PRINT,
    FRAME_HERE,
    LINK_HERE,
    SENDER_HERE,
    ROW_HERE,
    KEPT,
    KEY_VERSION,
    CURSOR,
    SUBSCRIBERS,
    NAME_HERE,
    COMMAND_HERE,
    KEY_HERE,
    ENDS_USED,
    PHONES,
) = range(45)
"""Registers: what has been reached, limits, counters, where the message in hand belongs, and what
is known of it."""

(
    CONNECTION,
    DIALOGUE,
    CALL,
    NODE,
    TRANSFER,
    DRAFT,
    LINK,
    HEAP,
    ENDS,
    AREA,
    AREA_TABLE,
    OPENING,
    OPENING_TABLE,
    PARTED,
    PARTED_TABLE,
    AWAITED,
    AWAITED_TABLE,
    SERVED,
    SERVED_TABLE,
    LATEST,
    LATEST_TABLE,
    DIRECTION,
    DIRECTION_TABLE,
    VLR,
    VLR_TABLE,
    PHONE,
    PHONE_TABLE,
    PHONE_OF,
    PHONE_OF_TABLE,
    SCRATCH,
    GIVER,
) = range(31)
"""Regions; the table of an ordered map stands after its records."""
REGIONS: Final = 31
POOLS: Final = 64
"""Register where the descriptions of the regions begin, six words each."""
BASE, WIDTH, SIZE, FREE, USED, LEFT = range(6)
"""Words of a description: where the region begins, words of a record, records, the first one of
those that were given back, how many were ever used, how many are left."""
MAPS: Final = POOLS + 6 * REGIONS
"""Register where the heads and tails of ordered maps begin, three words for each region."""
HEAD, TAIL, COUNT = range(3)
REGISTERS: Final = 512

RECENT_KEPT: Final = 16
LINKS_KEPT: Final = 4
ENDS_KEPT: Final = 8
(
    C_FREE,
    C_NUMBER,
    C_STATE,
    C_OPENED,
    C_LAST,
    C_REQUESTED,
    C_CONFIRMED,
    C_DIALOGUE,
    C_LEG,
    C_SOURCE,
    C_IMSI,
    C_QUEUED,
    C_REFS,
    C_PREVIOUS,
    C_NEXT,
    C_ENDS,
    C_RECENT,
    C_RECENT_FIRST,
    C_TARGET,
    C_TARGET_PLMN,
    C_TARGET_LAC,
    C_TARGET_CI,
    C_ASKED,
    C_ASKED_PLMN,
    C_ASKED_LAC,
    C_ASKED_CI,
) = range(26)
C_END: Final = 26
"""Keys of its ends, and after them which two sides each lies between."""
C_PRINTS: Final = C_END + 2 * ENDS_KEPT
C_TIMES: Final = C_PRINTS + RECENT_KEPT
C_LINKS: Final = C_TIMES + RECENT_KEPT
CONNECTION_WORDS: Final = C_LINKS + RECENT_KEPT * LINKS_KEPT

FRAMES_KEPT: Final = 4
GAPS_KEPT: Final = 8
(
    D_REFS,
    D_KEY,
    D_KEY_1,
    D_OPENED,
    D_CARRIER,
    D_PARTIAL,
    D_VLR,
    D_IMSI,
    D_LEARNED,
    D_TMSI,
    D_AREA,
    D_LAC,
    D_ASSIGNED,
    D_EQUIPMENT,
    D_MSISDN,
    D_MSISDN_1,
    D_MSISDN_DIGITS,
    D_CELL,
    D_CELL_PLMN,
    D_CELL_LAC,
    D_CELL_CI,
    D_BY,
    D_UPDATE,
    D_KIND,
    D_PREVIOUS,
    D_PREVIOUS_LAC,
    D_UPDATE_FRAME,
    D_ANSWERED,
    D_UPDATE_DRAFT,
    D_CALLS,
    D_TRANSFERS,
    D_DETACHED,
    D_TOLD,
    D_DEFERRED,
    D_DEFERRED_COUNT,
    D_LEFT,
    D_AWAITED,
    D_SOURCE_GONE,
    D_OVER,
    D_RESUMES,
    D_NAMED_OF,
    D_NAMED,
    D_NAMED_1,
    D_FRAMES,
    D_GAPS,
) = range(45)
D_FRAME: Final = 45
D_SERVICES: Final = D_FRAME + FRAMES_KEPT
D_GAP: Final = D_SERVICES + 8
DIALOGUE_WORDS: Final = D_GAP + 2 * GAPS_KEPT

(
    K_REFS,
    K_KEY,
    K_KEY_1,
    K_DIRECTION,
    K_STATE,
    K_PARTY,
    K_PARTY_1,
    K_DIGITS,
    K_TON,
    K_NPI,
    K_EMERGENCY,
    K_ATTEMPTED,
    K_ANSWERED,
    K_CONNECTED,
    K_ENDED,
    K_FRAMES,
    K_FRAME,
    K_FRAME_1,
) = range(18)
CALL_WORDS: Final = 18
W_NEXT, W_WHICH = range(2)
"""The first words of a record in a chain that has one for each transaction."""
N_NEXT, N_WHICH, N_CALL = W_NEXT, W_WHICH, 2
(
    T_NEXT,
    T_WHICH,
    T_NETWORK,
    T_PARTY,
    T_PARTY_1,
    T_DIGITS,
    T_TON,
    T_NPI,
    T_FRAME,
    T_PRINT,
    T_SIZE,
    T_ANSWERED,
) = range(12)
DETAILS: Final = 8
(
    F_NEXT,
    F_TYPE,
    F_CONTENT,
    F_FRAME,
    F_ITS_FRAME,
    F_CALL,
    F_DIRECTION,
    F_PARTY,
    F_PARTY_1,
    F_DIGITS,
    F_TON,
    F_NPI,
) = range(12)
"""A draft: F_CONTENT says what its id is made from (`THIS`, `SILENCE`, or a number that was kept
for it), F_FRAME where that was, F_ITS_FRAME the record of the draft itself."""
F_DETAIL: Final = 12
DRAFT_WORDS: Final = F_DETAIL + DETAILS
THIS: Final = -1
SILENCE: Final = -2
L_GAPS, L_SEEN, L_MISSING, L_EVENTS, L_UNKNOWN, L_PROCEDURES, L_UNSEEN, L_HEARD = range(8)
"""Of a link (since the last look, but for L_GAPS), and of an area, of which nothing is missing but
what its links miss."""
M_NEXT, M_PREVIOUS, M_KEY, M_VALUE = range(4)
"""Words of a record of an ordered map."""
A_COUNTS: Final = 6
A_LINK: Final = M_VALUE + A_COUNTS
"""In an area's record, behind its counts: the links of its events since the last look, plus 1."""

RECORD_WORDS: Final = {
    CONNECTION: CONNECTION_WORDS,
    DIALOGUE: DIALOGUE_WORDS,
    CALL: CALL_WORDS,
    NODE: 3,
    TRANSFER: 12,
    DRAFT: DRAFT_WORDS,
    LINK: 8,
    AREA: A_LINK + LINKS_OF_AREA,
    HEAP: 3,
    ENDS: 2,
    OPENING: 8,
    PARTED: 4,
    AWAITED: 6,
    SERVED: 14,
    LATEST: 4,
    DIRECTION: 4,
    VLR: 6,
    PHONE: 6,
    PHONE_OF: 4,
    SCRATCH: DRAFT_WORDS,
    GIVER: 1,
}
MAPPED: Final = (
    OPENING,
    PARTED,
    AWAITED,
    SERVED,
    LATEST,
    DIRECTION,
    VLR,
    AREA,
    PHONE,
    PHONE_OF,
)
SCRATCHES: Final = 768
"""Events that one message can bring about in one dialogue at most, and some room."""
NEEDED: Final = 300
"""Records of each growing pool that must be free before a message is taken."""
GROWING: Final = (CONNECTION, DIALOGUE, CALL, NODE, TRANSFER, DRAFT, LATEST, HEAP)


POOLED: Final = (CONNECTION, DIALOGUE, CALL, NODE, TRANSFER, DRAFT, LINK, *MAPPED)
"""Regions of which records are taken one by one."""
