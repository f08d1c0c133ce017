"""A campaign file's trigger as a tree: which keys are given, what parts a combination has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from msgspec import UNSET

from rules import format as fmt

Combined = list[fmt.Trigger] | fmt.Sequence | fmt.Repeated | fmt.NotFollowedBy
"""What stands under ``any_of``, ``sequence``, ``count`` and ``not_followed_by``."""


class Branch(NamedTuple):
    """A trigger within a trigger, and where it stands below that one's key."""

    path: str
    trigger: fmt.Trigger


class Leaf(NamedTuple):
    """A trigger without parts."""

    path: str
    kind: str
    spec: fmt.Place


def given(trigger: fmt.Trigger) -> list[str]:
    """The keys that a trigger holds; one, in a file that is right."""
    return [name for name in trigger.__struct_fields__ if getattr(trigger, name) is not UNSET]


def branches(spec: object) -> list[Branch]:
    """The parts of a combination, in its own order; none of a trigger without parts."""
    if isinstance(spec, list):
        return [Branch(f"[{number}]", each) for number, each in enumerate(spec)]
    if isinstance(spec, fmt.Sequence):
        return [Branch(f".steps[{number}]", each) for number, each in enumerate(spec.steps)]
    if isinstance(spec, fmt.Repeated):
        return [Branch(".of", spec.of)]
    if isinstance(spec, fmt.NotFollowedBy):
        return [Branch(".first", spec.first), Branch(".then", spec.then)]
    return []


def leaves(trigger: fmt.Trigger, path: str = "$.trigger") -> Iterator[Leaf]:
    """Every trigger without parts in the tree, with its path in the file."""
    for kind in given(trigger):
        spec, here = getattr(trigger, kind), f"{path}.{kind}"
        if isinstance(spec, fmt.Place):
            yield Leaf(here, kind, spec)
        for branch in branches(spec):
            yield from leaves(branch.trigger, here + branch.path)
