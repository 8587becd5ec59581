"""A TCP relay between client and server that cuts connections when it's told to."""

import contextlib
import socket
import threading
from enum import Enum


class Cut(Enum):
    """When to cut a connection that carries a marked request."""

    REQUEST_SENT = "as soon as the request has gone through"
    REPLY_BEGUN = "as soon as the server replies, before a byte of it goes through"


class CuttingProxy:
    """Relays to a port of this machine. The first `times` requests that contain `mark` are cut off."""

    def __init__(self, port: int, mark: bytes, cut: Cut, *, times: int = 1) -> None:
        self._port = port
        self._mark = mark
        self._cut = cut
        self._left = times
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = [self._listener]
        self._lock = threading.Lock()
        self.cuts = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> "CuttingProxy":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for opened in self._sockets:
            _close(opened)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # the end: the listener has been closed
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._port))
                self._sockets += [client, server]
                doomed = threading.Event()
                threading.Thread(target=self._requests, args=(client, server, doomed), daemon=True).start()
                threading.Thread(target=self._replies, args=(client, server, doomed), daemon=True).start()

    def _requests(self, client: socket.socket, server: socket.socket, doomed: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                if self._mark in data and self._take():
                    doomed.set()
                server.sendall(data)
                if doomed.is_set() and self._cut is Cut.REQUEST_SENT:
                    break
        if not doomed.is_set() or self._cut is Cut.REQUEST_SENT:
            _close(client)
            _close(server)

    def _replies(self, client: socket.socket, server: socket.socket, doomed: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while (data := server.recv(65536)) and not doomed.is_set():
                client.sendall(data)
        _close(client)
        _close(server)

    def _take(self) -> bool:
        with self._lock:
            if not self._left:
                return False
            self._left -= 1
            self.cuts += 1
            return True


def _close(opened: socket.socket) -> None:
    with contextlib.suppress(OSError):
        opened.shutdown(socket.SHUT_RDWR)
    opened.close()
