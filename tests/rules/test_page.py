"""docs/campaigns.md says what is so."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from rules import format as fmt
from rules.engine import RuleSet

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "campaigns.md").read_text("utf-8")
ZHENGZHOU = b'{"features": [{"properties": {"area": "zhengzhou", "lacs": [1]}, "geometry": null}]}'


def test_every_campaign_on_the_page_is_right() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert blocks
    for block in blocks:
        RuleSet.load({"page.yaml": block.encode(), "areas.geojson": ZHENGZHOU}, running=False)


def test_the_page_names_every_trigger_and_every_setting() -> None:
    for kind in (fmt.Trigger, fmt.SettingsFile):
        for field in msgspec.structs.fields(kind):
            assert f"`{field.encode_name}`" in PAGE
