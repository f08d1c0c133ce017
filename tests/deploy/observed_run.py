"""A real run that Prometheus can watch: ``python observed_run.py PORT`` plays the demo, then waits.

Metrics are served from before the run until standard input is closed. A line on standard output
says ``ready`` before the run and ``done CODE`` after it; a line on standard input starts it.
"""

from __future__ import annotations

import contextlib
import sys

from prometheus_client import start_http_server

from stream.demo import play as demo


def main() -> None:
    """Serve, run, wait."""
    start_http_server(int(sys.argv[1]), "127.0.0.1")
    say = sys.stdout
    print("ready", file=say, flush=True)
    sys.stdin.readline()
    with contextlib.redirect_stdout(sys.stderr):
        code = demo.run()
    print(f"done {code}", file=say, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
