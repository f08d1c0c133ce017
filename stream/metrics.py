"""What each room counts, by Prometheus' names and units. No label ever bears an identity (P6)."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_FAST = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
_SLOW = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

# ingest: captures in, batches out
frames = Counter("xinling_frames", "Capture records read", ["source"])
messages = Counter("xinling_messages", "Messages decoded", ["protocol"])
undecoded = Counter("xinling_undecoded", "What could not be decoded, by reason", ["reason"])
events = Counter("xinling_events", "Events correlated", ["type", "identity"])
batches = Counter("xinling_batches", "Batches written to the log")
batch_items = Histogram(
    "xinling_batch_items", "Items in a batch", buckets=(1, 5, 20, 50, 100, 200, 350, 500)
)
ingest_clock = Gauge(
    "xinling_ingest_clock_seconds", "Capture time that ingest has reached", ["source"]
)
ingest_behind = Gauge(
    "xinling_ingest_behind_seconds", "Wall time less the capture time of the latest record"
)
ingest_waiting = Gauge("xinling_ingest_waiting", "Records that were read and not decoded yet")
ingest_blocked = Counter(
    "xinling_ingest_blocked_seconds", "Time that live sources waited for ingest to take more"
)
feed_score = Gauge(
    "xinling_feed_score", "How far a link or a location area can be trusted", ["scope", "name"]
)
link_gaps = Counter("xinling_link_gaps", "Visible gaps in the feed", ["link"])
bindings = Gauge("xinling_bindings", "TMSIs whose IMSI is known")
bindings_changed = Counter(
    "xinling_bindings_changed", "TMSIs bound, unbound, contradicted, evicted", ["change"]
)
open_connections = Gauge("xinling_open_connections", "SCCP connections that are followed")
connections = Counter(
    "xinling_connection_messages",
    "Messages of connections that were not used, by reason",
    ["reason"],
)
events_dropped = Counter(
    "xinling_events_dropped", "Events that nobody could be told of", ["reason"]
)

# subscribers: batches in, verdicts out
handled_batches = Counter("xinling_handled_batches", "Batches committed", ["partition"])
handled_events = Counter("xinling_handled_events", "Events that the rules have seen")
repeated_events = Counter("xinling_repeated_events", "Events recognised as seen before")
step_seconds = Histogram("xinling_step_seconds", "From a batch taken to its commit", buckets=_FAST)
commit_conflicts = Counter(
    "xinling_commit_conflicts", "Commits refused because the partition had moved on"
)
timers_fired = Counter("xinling_timers_fired", "Timers fired by the log's clock")
partition_clock = Gauge(
    "xinling_partition_clock_seconds", "Capture time that a partition has reached", ["partition"]
)
partition_lag = Gauge(
    "xinling_partition_lag", "Records of the log that are not committed yet", ["partition"]
)
verdicts = Counter("xinling_verdicts", "Verdicts by campaign", ["campaign", "verdict", "reason"])
feeds_passed_over = Counter(
    "xinling_feeds_passed_over", "Feeds that were silent too long for the log's clock to wait"
)
late_events = Counter(
    "xinling_late_events", "Events whose time the partition's clock had passed when they came"
)
budget_waiting = Gauge(
    "xinling_budget_waiting", "Offers that wait for what is left of a shared budget"
)
budget_decided = Counter(
    "xinling_budget_decided", "Offers asked of a shared budget, by answer", ["campaign", "outcome"]
)
budget_unsettled = Counter(
    "xinling_budget_unsettled", "Capture minutes at which ingest waited for the budgets in vain"
)
dead_letters = Counter("xinling_dead_letters", "Records set aside, by reason", ["reason"])

# delivery: offers in, submits out
outbox_pending = Gauge(
    "xinling_outbox_pending", "Verdicts committed and not yet published", ["partition"]
)
outcomes = Counter("xinling_outcomes", "What became of offers", ["campaign", "outcome"])
offers_lag = Gauge(
    "xinling_offers_lag", "Records of the topic offers that are not dealt with", ["partition"]
)
replies = Counter(
    "xinling_replies",
    "What subscribers wrote back, by what it came to",
    ["type"],
)
seeds_failed = Gauge(
    "xinling_seeds_failed",
    "1 where a text of a campaign did not reach every test number",
    ["campaign"],
)
outcomes_carried = Counter(
    "xinling_outcomes_carried", "Outcomes put onto the log, which end waves", ["outcome"]
)
submit_seconds = Histogram(
    "xinling_submit_seconds", "From submit_sm to its response", buckets=_FAST
)
frame_to_submit_seconds = Histogram(
    "xinling_frame_to_submit_seconds",
    "From reading the frame that completed a trigger to the SMSC's answer",
    buckets=_SLOW,
)

# what decides
rules_published = Counter("xinling_rules_published", "Sets of rules put onto the log")
rules_refused = Gauge(
    "xinling_rules_refused", "1 while the rules' files on disk cannot be used; others are in force"
)

# what the service stands on
dependency_up = Gauge(
    "xinling_dependency_up", "1 where a broker, Redis or SMSC answers", ["dependency"]
)
redis_forgets = Gauge(
    "xinling_redis_forgets", "1 where Redis answers before its writes are on disk"
)
queue_waiting = Gauge(
    "xinling_queue_waiting", "Records that wait in a bounded queue of this process", ["queue"]
)
retries = Counter("xinling_retries", "Tries again after a failure", ["dependency"])
