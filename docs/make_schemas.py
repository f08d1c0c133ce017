"""Writes JSON Schemas of rows and AsyncAPI of topics: ``python docs/make_schemas.py``.

They are made from the types themselves: properties and defaults from msgspec, descriptions from the
text under each attribute, and from the tables below what a Python type cannot say. ``--check``
writes nothing and exits 1 where a file differs; `tests/deploy/test_schemas.py` does the same, and
holds real rows to the schemas.
"""  # noqa: INP001  a script, no package

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import msgspec
from attributes import attribute_texts

from decoders import events
from decoders.events import Event
from decoders.messages import Message
from rules import verdicts
from rules.verdicts import Verdict
from stream import log, topics
from stream.sms import outcomes
from stream.sms.outcomes import Outcome
from stream.undecoded import Undecoded

FOLDER = Path(__file__).parent / "schema"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]

TIME: Schema = {
    "type": "string",
    "format": "date-time",
    "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$",
    "description": "UTC, RFC 3339 with six decimals.",
}
"""What `row` makes of microseconds."""

_MICROSECONDS = re.compile(r"^Microseconds(?: since \S+)?(?:;| of)?\s*")

REASONS = (
    "no consent",
    "opted out",
    "not in audience",
    "outside campaign dates",
    "unknown identity",
    "unknown time zone",
    "excluded",
    "out-ranked",
    "capped",
    "sold out",
    "quiet hours",
    "expired",
    "feed not trusted",
    "stopped",
)
OUTCOMES = (
    outcomes.SUBMITTED,
    outcomes.DELIVERED,
    outcomes.FAILED,
    outcomes.UNKNOWN,
    outcomes.WITHHELD,
    outcomes.EXPIRED,
    "replied",
    "converted",
    "opted out",
)
NUMBER_CLASSES = ("local", "long distance", "international", "service", "emergency", "unknown")

VALUES: dict[str, dict[str, tuple[str, ...]]] = {
    "Event": {
        "type": events.TYPES,
        "identity": ("imsi", "learned", "unknown"),
        "direction": (events.MOBILE_ORIGINATED, events.MOBILE_TERMINATED),
        "number_class": NUMBER_CLASSES,
        "trust": ("gap",),
    },
    "Destination": {"kind": ("fixed", "mobile", "service", "emergency", "unknown")},
    "Verdict": {
        "verdict": (verdicts.SEND, verdicts.CONTROL, verdicts.HOLD, verdicts.REFUSE),
        "reason": REASONS,
    },
    "Outcome": {"outcome": OUTCOMES},
    "Message": {
        "update": ("normal", "periodic", "imsi attach"),
    },
}
"""Type → attribute → the values it may have."""

TIMES = {"Event": ("time",), "Sample": ("time",), "Verdict": ("time", "since", "not_before")}
TIMES |= {"Outcome": ("time",), "Message": ("time",)}
"""Type → attributes that are microseconds in the type and text in a row."""

_TEXT = {"type": ["string", "null"]}
_SECONDS = {"type": ["number", "null"], "minimum": 0}
_CAUSE = {"type": ["integer", "null"]}
DETAIL: dict[str, dict[str, Schema]] = {
    events.LOCATION_UPDATED: {
        "kind": _TEXT,
        "outcome": {"enum": ["accepted", "rejected", "unseen", None]},
        "cause": _CAUSE,
        "previous": {"anyOf": [{"$ref": "#/$defs/Lai"}, {"type": "null"}]},
    },
    events.LOCATION_SEEN: {"by": _TEXT},
    events.LOCATION_HANDOVER: {
        "from": {"anyOf": [{"$ref": "#/$defs/Cell"}, {"type": "null"}]},
        "to": {"anyOf": [{"$ref": "#/$defs/Cell"}, {"type": "null"}]},
    },
    events.CALL_ANSWERED: {"setup_seconds": _SECONDS},
    events.CALL_ENDED: {
        "answered": {"type": ["boolean", "null"]},
        "duration_seconds": _SECONDS,
        "cause": _CAUSE,
        "ended_by": {"enum": ["mobile", "network", "radio", None]},
    },
    events.MESSAGE_SENT: {"outcome": _TEXT},
    events.MESSAGE_RECEIVED: {"outcome": _TEXT},
    events.SERVICE_REQUESTED: {"operation": {}, "code": {}},
}
"""Event type → the fields of `detail`; a type that is not here has none."""


def structs(kind: type, found: dict[str, type] | None = None) -> dict[str, type]:
    """`kind` and every struct that its attributes mention, by name."""
    found = {} if found is None else found
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind.__name__ not in found:
        found[kind.__name__] = kind
        for field in msgspec.structs.fields(kind):
            for inner in _mentioned(field.type):
                structs(inner, found)
    return found


def _mentioned(hint: Any) -> list[type]:
    parts = getattr(hint, "__args__", None)
    if parts is None:
        return [hint] if isinstance(hint, type) and issubclass(hint, msgspec.Struct) else []
    return [inner for part in parts for inner in _mentioned(part)]


def _without_null(schema: Schema) -> Schema:
    """A row leaves out what does not apply, so None never stands in it."""
    options = [option for option in schema.get("anyOf", ()) if option != {"type": "null"}]
    kept = {key: value for key, value in schema.items() if key not in {"anyOf", "default"}}
    if len(options) == 1:
        return {**kept, **options[0]}
    return kept | ({"anyOf": options} if options else {})


def _property(
    kind: type[msgspec.Struct], attribute: str, schema: Schema, text: str | None
) -> Schema:
    name = kind.__name__
    if attribute in TIMES.get(name, ()):
        said = _MICROSECONDS.sub("", text or "")
        return TIME | {"description": f"{TIME['description']} {said.capitalize()}".strip()}
    if values := VALUES.get(name, {}).get(attribute):
        schema = {"enum": list(values)}
    elif kind is Message or kind.__struct_config__.omit_defaults:
        schema = _without_null(schema)
    return schema | ({"description": text} if text else {})


def _definition(kind: type[msgspec.Struct], schema: Schema) -> Schema:
    """A struct's schema by msgspec, as it is in a row."""
    texts = attribute_texts(kind)
    properties = {
        attribute: _property(kind, attribute, inner, texts.get(attribute))
        for attribute, inner in schema["properties"].items()
    }
    closed = {"type": "object", "properties": properties, "additionalProperties": False}
    return (
        {"description": schema.get("description", "")} | closed | {"required": schema["required"]}
    )


def _components(*kinds: type) -> dict[str, Schema]:
    """What msgspec says of some structs and all that they hold; `object` is anything."""
    _, made = msgspec.json.schema_components(
        kinds, ref_template="#/$defs/{name}", schema_hook=lambda _: {"description": "anything"}
    )
    return made


def definitions(*kinds: type) -> dict[str, Schema]:
    """The schemas of some structs and all that they hold, by name."""
    made = _components(*kinds)
    named = {name: kind for each in kinds for name, kind in structs(each).items()}
    return {name: _definition(named[name], schema) for name, schema in made.items()}


def _document(kind: type, title: str, defs: dict[str, Schema]) -> Schema:
    top = defs.pop(kind.__name__)
    head = {"$schema": DIALECT, "$id": f"{kind.__name__.lower()}.schema.json", "title": title}
    return head | top | {"$defs": dict(sorted(defs.items()))}


def event_schema() -> Schema:
    """Of an event row; `detail` by the event's type."""
    from decoders.messages import Lai  # noqa: PLC0415  only `detail` mentions it

    document = _document(Event, "Xinling event", definitions(Event, Lai))
    document["x-schema-version"] = events.SCHEMA_VERSION
    document["properties"]["detail"] = {"type": "object", "description": "Fields of the type."}
    document["allOf"] = [
        {
            "if": {"properties": {"type": {"const": kind}}},
            "then": {
                "properties": {
                    "detail": {"properties": DETAIL.get(kind, {}), "additionalProperties": False}
                }
            },
        }
        for kind in events.TYPES
    ]
    return document


def verdict_schema() -> Schema:
    """Of a verdict row."""
    document = _document(Verdict, "Xinling verdict", definitions(Verdict))
    checks = document["properties"]["checks"]
    checks["items"] = {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2}
    return document


def outcome_schema() -> Schema:
    """Of an outcome row."""
    return _document(Outcome, "Xinling outcome", definitions(Outcome))


def undecoded_schema() -> Schema:
    """Of a sample of what could not be decoded."""
    return _document(Undecoded, "Xinling undecoded sample", definitions(Undecoded))


def message_schema() -> Schema:
    """Of a message row: the attributes of `Message` up to ``error``."""
    document = _document(Message, "Xinling message row", definitions(Message))
    names = list(document["properties"])
    kept = names[: names.index("error") + 1]
    document["properties"] = {name: document["properties"][name] for name in kept}
    document["$defs"].pop("Element")
    return document


def batch_schema() -> Schema:
    """Of a record of the log, as it would look in JSON; `time` is microseconds here."""
    _, made = msgspec.json.schema_components([log.Batch], ref_template="#/$defs/{name}")
    top = made.pop("Batch")
    head = {"$schema": DIALECT, "$id": "batch.schema.json", "title": "Xinling batch"}
    version = {"x-schema-version": log.SCHEMA_VERSION}
    return {**head, **version, **top, "$defs": dict(sorted(made.items()))}


CHANNELS: tuple[tuple[str, str, str, str], ...] = (
    (topics.EVENTS, "batch", "application/msgpack", "Batches; the partition is ours to choose."),
    (topics.VERDICTS, "verdict", "application/json", "Every decision about a trigger."),
    (topics.OFFERS, "verdict", "application/json", "The verdicts to send, for delivery."),
    (topics.OUTCOMES, "outcome", "application/json", "What became of an offer."),
    (topics.UNDECODED, "undecoded", "application/json", "Samples of what could not be decoded."),
)
"""Topic, schema of its records, their encoding, what it is for."""


def _channel(topic: str, text: str) -> Schema:
    return {
        "address": topic,
        "description": text,
        "messages": {"record": {"$ref": f"#/components/messages/{topic}"}},
    }


def _message(topic: str, schema: str, encoding: str) -> Schema:
    message: Schema = {
        "name": topic,
        "contentType": encoding,
        "payload": {"$ref": f"./{schema}.schema.json"},
    }
    if topic != topics.EVENTS:
        said = (
            "The point of capture." if topic == topics.UNDECODED else "The subscriber's pseudonym."
        )
        key = {"type": "string", "description": said}
        message["bindings"] = {"kafka": {"key": key}}
    return message


def asyncapi() -> Schema:
    """AsyncAPI 3.0 of the topics that others may read."""
    operations = {
        f"read {topic}": {"action": "receive", "channel": {"$ref": f"#/channels/{topic}"}}
        for topic, *_ in CHANNELS
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Xinling",
            "version": f"{events.SCHEMA_VERSION}.0.0",
            "description": "Topics of a running Xinling. Identities are keyed pseudonyms.",
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "channels": {topic: _channel(topic, text) for topic, _, _, text in CHANNELS},
        "operations": operations,
        "components": {
            "messages": {
                topic: _message(topic, schema, encoding) for topic, schema, encoding, _ in CHANNELS
            }
        },
    }


def documents() -> dict[str, str]:
    """Every file of this folder that is made, with its text."""
    made = {
        "message.schema.json": message_schema(),
        "event.schema.json": event_schema(),
        "verdict.schema.json": verdict_schema(),
        "outcome.schema.json": outcome_schema(),
        "undecoded.schema.json": undecoded_schema(),
        "batch.schema.json": batch_schema(),
        "asyncapi.json": asyncapi(),
    }
    return {
        name: json.dumps(document, ensure_ascii=False, indent=2) + "\n"
        for name, document in made.items()
    }


def main(words: list[str]) -> int:
    """Writes the files, or with ``--check`` names those that differ."""
    differing = [
        name
        for name, text in documents().items()
        if not (FOLDER / name).exists() or (FOLDER / name).read_text(encoding="utf-8") != text
    ]
    for name in differing:
        if "--check" in words:
            sys.stderr.write(f"docs/schema/{name} is not what docs/make_schemas.py makes\n")
        else:
            (FOLDER / name).write_text(documents()[name], encoding="utf-8")
    return 1 if differing and "--check" in words else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
