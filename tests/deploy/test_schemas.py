"""docs/schema: what others rely on is what the types make, and what the rooms really give."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import make_schemas
import pytest

from stream import topics

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "schema"


DOCUMENTS: dict[str, str] = make_schemas.documents()
SCHEMAS = [name for name in DOCUMENTS if name.endswith(".schema.json")]


def parsed(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def references(node: Any) -> list[str]:
    """Every ``$ref`` in a document."""
    if isinstance(node, list):
        return [found for item in node for found in references(item)]
    if not isinstance(node, dict):
        return []
    own = [node["$ref"]] if "$ref" in node else []
    return own + [found for value in node.values() for found in references(value)]


def resolves(document: Any, reference: str) -> bool:
    """Whether a reference points into the document or at a file beside it."""
    file, _, place = reference.partition("#")
    if file:
        return (FOLDER / file).is_file()
    for step in place.strip("/").split("/"):
        if step not in document:
            return False
        document = document[step]
    return True


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_checked_in_file_is_what_the_types_make(name: str) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert text == DOCUMENTS[name], "run: python docs/make_schemas.py"


@pytest.mark.parametrize("name", SCHEMAS)
def test_it_is_a_json_schema(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(parsed(name))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_reference_leads_somewhere(name: str) -> None:
    document = parsed(name)
    assert all(resolves(document, reference) for reference in references(document))


def test_every_topic_of_the_contracts_is_described() -> None:
    channels = parsed("asyncapi.json")["channels"]
    own = {topics.EVENTS, topics.VERDICTS, topics.OFFERS, topics.OUTCOMES, topics.UNDECODED}
    assert set(channels) == own
    assert all(channel["address"] == name for name, channel in channels.items())
