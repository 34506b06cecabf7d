"""A hub on a real socket: as much of the Hub's HTTP surface as a download needs, and faults on demand."""

from __future__ import annotations

import hashlib
import json
import re
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Literal
from urllib.parse import unquote, urlparse

TOKEN = "hf_good"
_BLOCK = 4096
_TRICKLE_SEC = 0.02
_LFS = (".safetensors", ".onnx", ".onnx_data", ".bin")


@dataclass
class Fault:
    """What goes wrong with the next `times` GET requests for a path (or for "list", the metadata).

    status: answer with it at once. after: body bytes to send before `then`; "trickle" sends the rest byte by
    byte. flip: change a bit of the body.
    """

    path: str
    times: int = 1
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b'{"error": "as asked"}'
    """What comes with `status`."""
    after: int = 0
    then: Literal["go on", "reset", "close", "stall", "trickle"] = "go on"
    flip: bool = False
    extra: bytes = b""
    whole: bool = False
    """Answer with the whole file, whatever range is asked for."""
    reached: threading.Event = field(default_factory=threading.Event)
    """Set when `after` bytes are sent."""


@dataclass
class Seen:
    """One request. served: bytes of the body that were handed to the socket."""

    method: str
    host: str
    path: str
    start: int | None
    token: str | None
    agent: str
    encoding: str
    at: float
    """Seconds of the monotonic clock."""
    served: int = 0


@dataclass
class Repo:
    files: dict[str, bytes]
    license: str | None
    access: Literal["open", "gated", "private"] = "open"
    hashes: bool = True
    """Whether the list tells sizes and hashes; a mirror may not."""
    fixed_commit: str | None = None

    @property
    def commit(self) -> str:
        if self.fixed_commit is not None:
            return self.fixed_commit
        digest = hashlib.sha1()
        for name in sorted(self.files):
            digest.update(name.encode() + b"\0" + self.files[name])
        return digest.hexdigest()


class FakeHub:
    """Serves from its start to the end of the block. `cdn` makes large files redirect to another origin."""

    def __init__(self, *, cdn: bool = False) -> None:
        self.repos: dict[str, Repo] = {}
        self.faults: list[Fault] = []
        self.seen: list[Seen] = []
        self.released = threading.Event()
        self._server = _start(self)
        self._cdn = _start(self) if cdn else None
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        self.cdn = f"http://localhost:{self._cdn.server_port}" if self._cdn else None

    def __enter__(self) -> FakeHub:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.released.set()
        for server in (self._server, self._cdn):
            if server is not None:
                server.shutdown()
                server.server_close()

    def add(self, repo: str, files: dict[str, bytes], license: str | None = "cc-by-nc-4.0") -> Repo:
        self.repos[repo] = Repo(files=dict(files), license=license)
        return self.repos[repo]

    def fail(self, path: str, **fault: object) -> Fault:
        self.faults.append(Fault(path, **fault))  # type: ignore[arg-type]
        return self.faults[-1]

    def environ(self, home: Path) -> dict[str, str]:
        """For a child that takes this for the Hub, with a cache of its own and no proxy."""
        return {"HF_ENDPOINT": self.endpoint, "HF_HOME": str(home), "NO_PROXY": "*", "no_proxy": "*"}

    def gets(self, path: str) -> list[Seen]:
        """The requests for a file's bytes so far, those that were only led elsewhere left out."""
        return [seen for seen in self.seen if seen.method == "GET" and seen.path.endswith(f"/{path}")]

    def served(self, path: str) -> int:
        return sum(seen.served for seen in self.gets(path))


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def git_sha1(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def is_large(path: str) -> bool:
    return path.endswith(_LFS)


def etag(path: str, data: bytes) -> str:
    return sha256(data) if is_large(path) else git_sha1(data)


def _start(hub: FakeHub) -> ThreadingHTTPServer:
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), name="hub", daemon=True).start()
    return server


class _Handler(BaseHTTPRequestHandler):
    hub: FakeHub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *arguments: object) -> None:
        pass

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (BrokenPipeError, ConnectionResetError):  # the installer was killed
            self.close_connection = True

    def do_GET(self) -> None:
        path = unquote(urlparse(self.path).path)
        span = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        seen = Seen(
            method=self.command,
            host=self.headers.get("Host", ""),
            path=path,
            start=int(span[1]) if span else None,
            token=self.headers.get("Authorization"),
            agent=self.headers.get("User-Agent", ""),
            encoding=self.headers.get("Accept-Encoding", ""),
            at=time.monotonic(),
        )
        self.hub.seen.append(seen)
        listing = re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/([^/]+))?", path)
        content = re.fullmatch(r"(?:/cdn)?/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
        if listing:
            self._list(listing[1], listing[2])
        elif content:
            self._content(seen, content[1], content[2], content[3])
        else:
            self._json({"error": "no such page"}, 404)

    do_HEAD = do_GET

    def _list(self, name: str, revision: str | None) -> None:
        repo = self._repo(name, revision)
        if repo is None or self._refused(repo, reading=False) or self._fails_at_once(self._fault("list")):
            return
        siblings = []
        for path, data in repo.files.items():
            entry: dict[str, object] = {"rfilename": path}
            if repo.hashes:
                entry |= {"size": len(data), "blobId": git_sha1(data)}
                if is_large(path):
                    entry["lfs"] = {"size": len(data), "sha256": sha256(data), "pointerSize": 134}
            siblings.append(entry)
        card = {"license": repo.license} if repo.license else {}
        gated = "manual" if repo.access == "gated" else False
        self._json(
            {"id": name, "sha": repo.commit, "private": False, "gated": gated, "tags": [], "cardData": card}
            | {"siblings": siblings}
        )

    def _content(self, seen: Seen, name: str, revision: str, path: str) -> None:
        repo = self._repo(name, revision)
        if repo is None or self._refused(repo, reading=True):
            return
        if path not in repo.files:
            return self._json({"error": "no entry"}, 404, {"X-Error-Code": "EntryNotFound"})
        if self.hub.cdn and is_large(path) and not seen.path.startswith("/cdn/"):
            seen.method = "GET led elsewhere"
            return self._json({}, 302, {"Location": f"{self.hub.cdn}/cdn{seen.path}?signature=1"})
        data = repo.files[path]
        fault = self._fault(path) if self.command == "GET" else None
        if self._fails_at_once(fault):
            return None
        self._send(seen, data, repo.commit, fault or Fault(path))
        return None

    def _send(self, seen: Seen, data: bytes, commit: str, fault: Fault) -> None:
        start, tag = seen.start or 0, etag(seen.path, data)
        if fault.whole or self.headers.get("If-Range", f'"{tag}"') != f'"{tag}"':
            start = 0
        if start >= len(data) > 0:
            return self._json({}, 416, {"Content-Range": f"bytes */{len(data)}"})
        body = bytearray(data[start:])
        if fault.flip:
            body[len(body) // 2] ^= 1
        body += fault.extra
        self.send_response(206 if start else 200)
        self.send_header("ETag", f'"{tag}"')
        self.send_header("X-Repo-Commit", commit)
        if is_large(seen.path):
            self.send_header("X-Linked-Etag", f'"{tag}"')
            self.send_header("X-Linked-Size", str(len(data)))
        self.send_header("Content-Length", str(len(body)))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{start + len(body) - 1}/{start + len(body)}")
        self.end_headers()
        if self.command == "HEAD":
            return None
        most = len(body) if fault.then == "go on" else fault.after
        for at in range(0, most, _BLOCK):
            block = bytes(body[at : min(at + _BLOCK, most)])
            seen.served += len(block)
            self.wfile.write(block)
        fault.reached.set()
        self.close_connection = fault.then != "go on"
        if fault.then == "stall":
            self.hub.released.wait()
        elif fault.then == "trickle":
            for at in range(most, len(body)):
                if self.hub.released.wait(_TRICKLE_SEC):
                    break
                seen.served += 1
                self.wfile.write(body[at : at + 1])
        elif fault.then == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        return None

    def _repo(self, name: str, revision: str | None) -> Repo | None:
        """None when the answer was that there is none."""
        repo = self.hub.repos.get(name)
        if repo is None:
            self._json({"error": "not found"}, 404, {"X-Error-Code": "RepoNotFound"})
            return None
        if revision not in (None, "main", repo.commit):
            self._json({"error": "no revision"}, 404, {"X-Error-Code": "RevisionNotFound"})
            return None
        return repo

    def _refused(self, repo: Repo, *, reading: bool) -> bool:
        """Everybody may see the list of a gated repository, and nothing of a private one."""
        token = self.headers.get("Authorization")
        if repo.access == "open" or token == f"Bearer {TOKEN}" or self.path.startswith("/cdn/"):
            return False
        if repo.access == "gated" and not reading:
            return False
        if repo.access == "private":
            self._json({"error": "not found"}, 401, {"X-Error-Code": "RepoNotFound"})
        else:
            headers = {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access to model is restricted"}
            self._json({"error": "gated"}, 403 if token else 401, headers)
        return True

    def _fault(self, path: str) -> Fault | None:
        for fault in self.hub.faults:
            if fault.path == path and fault.times > 0:
                fault.times -= 1
                return fault
        return None

    def _fails_at_once(self, fault: Fault | None) -> bool:
        if fault is None or fault.status is None:
            return False
        self._answer(fault.body, fault.status, fault.headers)
        return True

    def _json(self, value: object, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self._answer(json.dumps(value).encode(), status, headers)

    def _answer(self, body: bytes, status: int, headers: dict[str, str] | None) -> None:
        self.send_response(status)
        for key, text in (headers or {}).items():
            self.send_header(key, text)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
