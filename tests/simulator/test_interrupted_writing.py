"""A full disk or Ctrl-C leaves whole records, and says up to which time of the scenario they go."""

from __future__ import annotations

from pathlib import Path

import pytest
from made import messages

from simulator import captures, command
from simulator.scenario import ScenarioError

_TEXT = "scenario: s\nseed: 3\nstarts: 2008-01-30\npeople: 20\nlasts: 12h\ncaptures: {per: all}\n"


@pytest.mark.parametrize(
    ("fault", "word"), [(OSError(28, "No space left on device"), "No space"), (None, "interrupted")]
)
@pytest.mark.parametrize("compress", [False, True])
def test_what_is_written_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: OSError | None, word: str, *,
    compress: bool,
) -> None:  # fmt: skip
    left = 9
    whole = captures.write_all

    def failing(write: object, data: bytes | memoryview) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            whole(write, memoryview(data)[: len(data) // 2 + 1])  # type: ignore[arg-type]
            raise fault or KeyboardInterrupt
        whole(write, data)  # type: ignore[arg-type]

    monkeypatch.setattr(captures, "write_all", failing)
    file = tmp_path / "s.yaml"
    file.write_text(_TEXT.replace("all}", f"all, compress: {str(compress).lower()}}}"))
    with pytest.raises(ScenarioError, match=word) as caught:
        command.run(str(file), str(tmp_path / "out"), people=None, days=None, seed=None)
    assert "up to 2008-01-2" in str(caught.value)
    (path,) = (tmp_path / "out").glob("all.pcap*")
    assert list(messages(path))
