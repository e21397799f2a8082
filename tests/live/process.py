"""Server processes that tests start, stop, kill and freeze."""

from collections.abc import Mapping, Sequence
import os
from pathlib import Path
import signal
import socket
import subprocess
import time

import aiohttp

START_TIMEOUT = 180  # seconds
STOP_TIMEOUT = 10  # seconds


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Process:
    """A program with a log and a file that holds its process ID.

    `scripts/test --live` ends whatever such a file names, if the tests could not.
    """

    def __init__(
        self, name: str, command: Sequence[str | Path], env: Mapping[str, str]
    ) -> None:
        folder = Path(os.environ["LIVE_FOLDER"])
        self.log = folder / f"{name}.log"
        self._pid_file = folder / f"{name}.pid"
        self._command = command
        self._env = env
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        assert self._process is None
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.log.parent,
                env={**os.environ, **self._env},
            )
        self._pid_file.write_text(str(self._process.pid))

    def stop(self) -> None:
        """End the program the way a service manager does; frozen or ended is fine."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Keep all connections open, answer nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process:
            self._process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        if not self._process:
            return
        self._signal(number)
        self._signal(signal.SIGCONT)
        try:
            self._process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
        self._pid_file.unlink()

    def check(self) -> None:
        """Raise an error with the end of the log if the program has ended."""
        if not self.is_running:
            tail = self.log.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{self.log.stem} has ended:\n{tail}")


class Deadline:
    """Limits a loop that polls."""

    def __init__(self, what: str, seconds: float) -> None:
        self._what = what
        self._end = time.monotonic() + seconds

    def check(self) -> None:
        if time.monotonic() > self._end:
            raise TimeoutError(self._what)


NOT_READY = (aiohttp.ClientError, OSError)
