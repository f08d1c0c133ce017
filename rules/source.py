"""A campaign file as plain values, with the line of each key, so that a mistake can be pointed at.

YAML is read as people mean it: only ``true``, ``false``, ``null`` and plain numbers are anything
but text (in YAML 1.1 ``20:00`` would be 1200, ``no`` false, and ``2008-01-10`` a date).
"""

from __future__ import annotations

import re

import yaml

from rules.errors import CampaignError

MOST_BYTES = 262_144
MOST_NODES = 20_000
DEEPEST = 40

_INTEGER = re.compile(r"^-?(0|[1-9][0-9]{0,17})$")
_REAL = re.compile(r"^-?[0-9]{1,18}\.[0-9]{1,18}$")
_WORDS: dict[str, object] = {"true": True, "false": False, "null": None, "~": None, "": None}


class Source:
    """One YAML file: its plain value, and where each part of it stands.

    Attributes:
        file: the file's name.
        value: mappings, lists, text, numbers, booleans and None.
        lines: 1-based line by path, a path being ``$``, ``$.offer``, ``$.offer.variants[0]`` ….
    """

    def __init__(self, data: bytes, file: str) -> None:
        """Reads `data`; raises `CampaignError` for what is no YAML document of bounded size."""
        self.file = file
        self.lines: dict[str, int] = {}
        self.value = self._plain(self._compose(data), "$", 0)

    def line(self, path: str) -> int:
        """The line of `path`, or of the nearest part around it that stands in the file."""
        while path not in self.lines and path != "$":
            path = _parent(path)
        return self.lines.get(path, 1)

    def error(self, path: str, reason: str, remedy: str) -> CampaignError:
        """A `CampaignError` that points at `path`."""
        return CampaignError(
            reason, file=self.file, line=self.line(path), key=path[2:] or None, remedy=remedy
        )

    def _compose(self, data: bytes) -> yaml.Node:
        if len(data) > MOST_BYTES:
            raise CampaignError(
                f"larger than {MOST_BYTES} bytes", file=self.file, remedy="one campaign a file"
            )
        try:
            node = yaml.compose(data.decode("utf-8"), Loader=yaml.SafeLoader)
        except UnicodeDecodeError as error:
            raise CampaignError(
                "not UTF-8", file=self.file, offset=error.start, remedy="save the file as UTF-8"
            ) from error
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else None
            raise CampaignError(
                f"not YAML: {error.problem}", file=self.file, line=line, remedy="mend this line"
            ) from error
        except (yaml.YAMLError, RecursionError) as error:
            raise CampaignError(
                "not YAML", file=self.file, remedy="write it as in docs/campaigns.md"
            ) from error
        if node is None:
            raise CampaignError(
                "empty file", file=self.file, remedy="write a campaign or remove the file"
            )
        return node

    def _plain(self, node: yaml.Node, path: str, depth: int) -> object:
        self.lines.setdefault(path, node.start_mark.line + 1)
        if len(self.lines) > MOST_NODES or depth > DEEPEST:
            raise self.error("$", "too many or too deeply nested parts", "simplify the file")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, depth)
        if isinstance(node, yaml.SequenceNode):
            return [
                self._plain(item, f"{path}[{index}]", depth + 1)
                for index, item in enumerate(node.value)
            ]
        return _scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: str, depth: int) -> dict[str, object]:
        mapping: dict[str, object] = {}
        for key_node, value_node in node.value:
            name = str(key_node.value)
            place = f"{path}.{name}"
            self.lines.setdefault(place, key_node.start_mark.line + 1)
            if name in mapping:
                line = key_node.start_mark.line + 1
                raise CampaignError(
                    "stands here a second time",
                    file=self.file,
                    line=line,
                    key=place[2:],
                    remedy="keep one of the two",
                )
            mapping[name] = self._plain(value_node, place, depth + 1)
        return mapping


def _scalar(node: yaml.Node) -> object:
    text = str(node.value)
    if getattr(node, "style", None) is not None:
        return text
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _INTEGER.match(text):
        return int(text)
    return float(text) if _REAL.match(text) else text


def _parent(path: str) -> str:
    return path[: max(path.rfind("."), path.rfind("["), 1)]
