"""nginx as the proxy in front of EasyMatrix."""

import os
from pathlib import Path
import socket
import time

from .process import START_TIMEOUT, Deadline, Process, free_port

WEBSOCKETS = """
    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $connection_upgrade;
"""


class Nginx:
    """One nginx with one server block; `port` is a free one."""

    def __init__(self) -> None:
        self.port = free_port()
        self.folder = Path(os.environ["LIVE_FOLDER"]) / f"nginx-{self.port}"
        self.folder.mkdir()
        self._file = self.folder / "nginx.conf"
        # Debian's program looks for its log in a folder that may be missing.
        command = [
            os.environ["LIVE_NGINX"],
            *("-e", str(self.folder / "error.log")),
            *("-p", str(self.folder)),
            *("-c", str(self._file)),
        ]
        self.process = Process(f"nginx-{self.port}", command, {})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, server: str, *, listen: str = "") -> None:
        """Start with directives for the server block, and words after its port.

        Returns when it listens, a few milliseconds later.
        """
        temporary = "".join(
            f"{name}_temp_path {self.folder / name};\n"
            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        # A worker of another user could not write there.
        user = "" if os.geteuid() else "user root;"
        self._file.write_text(
            f"""
{user}
daemon off;
worker_processes 1;
pid {self.folder / "nginx.pid"};
error_log stderr;
events {{ worker_connections 256; }}
http {{
{temporary}
access_log off;
map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
server {{
listen 127.0.0.1:{self.port} {listen};
{server}
}}
}}
"""
        )
        self.process.start()
        deadline = Deadline("nginx does not listen", START_TIMEOUT)
        while not self._listens():
            self.process.check()
            deadline.check()
            time.sleep(0.02)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        self.process.stop()

    def restart(self, server: str, *, listen: str = "") -> None:
        self.stop()
        self.start(server, listen=listen)


def location(target: str, path: str = "/", directives: str = WEBSOCKETS) -> str:
    """Return the block that passes a path on to a server."""
    return f"location {path} {{ proxy_pass {target}/; {directives} }}\n"
