"""Writes the JSON Schema of campaign files: ``python docs/make_campaign_schema.py``.

It is made from `rules.format`: the types that check a campaign when it is loaded. What they cannot
say (exactly one trigger, text or variants, a place where one is needed) is added here, and a test
holds both judges to the same files. ``--check`` writes nothing and exits 1 where the file differs.
"""  # noqa: INP001  a script, no package

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import msgspec
from attributes import attribute_texts

from rules import format as fmt

FILE = Path(__file__).resolve().parents[1] / "rules" / "campaign.schema.json"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
_PLACED = ("Move", "Presence")


def document() -> str:
    """The schema as it stands in the file."""
    schema = msgspec.json.schema(fmt.CampaignFile)
    definitions: dict[str, Any] = schema["$defs"]
    for name, definition in definitions.items():
        _describe(definition, getattr(fmt, name))
    definitions["Trigger"] |= {"minProperties": 1, "maxProperties": 1}
    definitions["Offer"]["oneOf"] = [{"required": ["text"]}, {"required": ["variants"]}]
    for name in _PLACED:
        definitions[name]["anyOf"] = [{"required": ["area"]}, {"required": ["tag"]}]
    whole = {"$schema": DIALECT, "title": "Campaign of Xinling", **schema}
    return json.dumps(whole, ensure_ascii=False, indent=2) + "\n"


def _describe(definition: dict[str, Any], kind: type[fmt.Part]) -> None:
    texts: dict[str, str] = {}
    for ancestor in reversed(kind.__mro__):
        if issubclass(ancestor, fmt.Part):
            texts |= attribute_texts(ancestor)
    names = {field.name: field.encode_name for field in msgspec.structs.fields(kind)}
    for attribute, text in texts.items():
        definition["properties"][names[attribute]]["description"] = text


def main() -> int:
    """Writes the file, or with ``--check`` compares it."""
    if "--check" in sys.argv[1:]:
        return int(FILE.read_text("utf-8") != document())
    FILE.write_text(document(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
