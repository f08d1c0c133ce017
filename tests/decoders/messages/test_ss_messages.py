"""Supplementary services: components in BER, bounded, and nothing of their strings (24.080 3.6)."""

from __future__ import annotations

import pytest
from builders import layer3


def register(components: str) -> str:
    """A REGISTER with a Facility element."""
    return f"0b3b1c{len(components) // 2:02x}{components}"


@pytest.mark.parametrize(
    ("components", "operation", "service_code"),
    [
        ("a10b02010302010e3003040121", 14, 0x21),
        ("a10e020103800101" + "02010a" + "3003040121", 10, 0x21),
        ("a108" + "020103" + "020111" + "0500", 17, None),
        ("a109" + "020103" + "020111" + "04012b", 17, 0x2B),
        ("a20d020103" + "3008" + "02010e" + "0403" + "800100", 14, None),
        ("a203020103", None, None),
        ("a306020103020124", None, None),
        ("a406020103800101", None, None),
        ("a180" + "020103" + "02013b" + "0000", 59, None),
        ("a1810b" + "02010302010e3003040121", 14, 0x21),
    ],
)
def test_each_component_gives_its_operation_and_service_code(
    components: str, operation: int | None, service_code: int | None
) -> None:
    message = layer3(register(components))
    assert message.error is None
    assert (message.operation, message.service_code) == (operation, service_code)


@pytest.mark.parametrize(
    ("components", "reason"),
    [
        ("a1850000000001", "length of more than four octets"),
        ("a120020103", "length beyond its container"),
        ("a106020103060129", "operation code that is no integer"),
        ("a10a0201030205" + "0000000001", "operation code that is no small integer"),
        ("a203020103" * 17, "too many components"),
    ],
)
def test_p4_components_that_lie_are_errors(components: str, reason: str) -> None:
    assert layer3(register(components)).error == f"FACILITY: {reason}"


def test_an_unknown_component_is_kept() -> None:
    message = layer3(register("ac03020105"), elements=True)
    assert message.error is None
    (facility,) = [e for e in message.elements or [] if e.name == "FACILITY"]
    assert [child.name for child in facility.children] == ["UNKNOWN COMPONENT 0xac"]


def test_an_unknown_operation_keeps_its_number() -> None:
    assert layer3(register("a106020103020163")).operation == 99
