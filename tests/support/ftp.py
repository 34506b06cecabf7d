"""An FTP server of a folder, as a process: `python -m tests.support.ftp FOLDER` prints its port."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

USER, PASSWORD = "me", "secret"


@contextmanager
def ftp_server(folder: Path) -> Iterator[str]:
    """Its URL, with a user's name and password. Needs pyftpdlib."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.support.ftp", str(folder)]
    server = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=Path(__file__).parents[2]
    )
    try:
        assert server.stdout is not None
        yield f"ftp://{USER}:{PASSWORD}@127.0.0.1:{int(server.stdout.readline())}"
    finally:
        server.kill()
        server.communicate()


def main() -> None:
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import FTPHandler
    from pyftpdlib.servers import FTPServer

    FTPHandler.authorizer = DummyAuthorizer()
    FTPHandler.authorizer.add_user(USER, PASSWORD, sys.argv[1], perm="elradfmwMT")
    server = FTPServer(("127.0.0.1", 0), FTPHandler)
    print(server.socket.getsockname()[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
