"""A server that speaks just enough of the Postgres protocol to refuse every client, as a pooler in trouble does.

with FakePooler(Refusal("(EMAXCONNSESSION) max clients reached in session mode")) as pooler:
    psycopg2.connect(pooler.dsn())  # OperationalError
assert pooler.connections == 1

It can also hand its clients on to a real server, which then has TLS in front of it.
"""

import datetime
import ipaddress
import select
import socket
import ssl
import struct
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from types import TracebackType

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

_SSL_REQUEST = 80877103
_GSSENC_REQUEST = 80877104


class Silence(Enum):
    """Ways to give no answer."""

    DROP = "close the connection"
    HANG = "keep the connection and say nothing"


@dataclass(frozen=True)
class Refusal:
    """The ErrorResponse sent in answer to the startup packet."""

    message: str
    sqlstate: str = "XX000"
    severity: str = "FATAL"

    def packet(self) -> bytes:
        """The message as it travels."""
        fields = {b"S": self.severity, b"V": self.severity, b"C": self.sqlstate, b"M": self.message}
        body = b"".join(code + text.encode() + b"\0" for code, text in fields.items()) + b"\0"
        return b"E" + struct.pack("!I", len(body) + 4) + body


@dataclass(frozen=True)
class Forward:
    """Hand every client on to the Postgres that listens at this Unix socket (a path, ``…/.s.PGSQL.5432``)."""

    socket: Path


@dataclass(frozen=True)
class Startup:
    """What a client asked for: its parameters (user, database, application_name, …), and whether encrypted."""

    parameters: dict[str, str]
    encrypted: bool
    packet: bytes = field(repr=False)


class FakePooler:
    """Listens on a free port of 127.0.0.1 while its ``with`` block runs.

    Args:
        answer: what every client gets once it has sent its startup packet.
        tls: whether encryption is offered. The certificate is for localhost and 127.0.0.1, signed by itself.
    """

    def __init__(self, answer: Refusal | Silence | Forward, *, tls: bool = False) -> None:
        self.answer = answer
        self.connections = 0
        """How many connections were made."""
        self.startups: list[Startup] = []
        """The startup packets, in the order of their arrival."""
        self._directory = tempfile.TemporaryDirectory(prefix="fake-pooler-")
        self.certificate = Path(self._directory.name) / "certificate.pem"
        """PEM file of the certificate, its own authority. Exists only with ``tls``."""
        self._tls = _server_context(self.certificate) if tls else None
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    def dsn(self, query: str = "", *, user: str = "postgres", password: str = "secret") -> str:  # noqa: S107 - a fake's
        """A connection string that leads here."""
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/postgres{'?' if query else ''}{query}"

    def serve(self, client: socket.socket) -> None:
        """Answer one client."""
        with self._lock:
            self.connections += 1
        for startup, channel in _read_startups(client, self._tls):
            with self._lock:
                self.startups.append(startup)
            if isinstance(self.answer, Refusal):
                channel.sendall(self.answer.packet())
            elif isinstance(self.answer, Forward):
                _relay(self.answer.socket, startup.packet, channel, self._closing)
            elif self.answer is Silence.HANG:
                self._closing.wait()

    def __enter__(self) -> "FakePooler":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._directory.cleanup()


class _Server(ThreadingTCPServer):
    daemon_threads = False
    request_queue_size = 64

    def __init__(self, pooler: FakePooler) -> None:
        self.pooler = pooler
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseRequestHandler):
    server: _Server
    request: socket.socket

    def handle(self) -> None:
        try:
            self.server.pooler.serve(self.request)
        except OSError:
            return  # the client went away, or didn't like the certificate: it has its answer


def _read_startups(client: socket.socket, tls: ssl.SSLContext | None) -> Iterator[tuple[Startup, socket.socket]]:
    """The startup packet, if one comes, after the requests for encryption that may precede it."""
    channel = client
    while header := _read_exactly(channel, 8):
        length, code = struct.unpack("!II", header)
        if code == _SSL_REQUEST and tls:
            channel.sendall(b"S")
            channel = tls.wrap_socket(channel, server_side=True)
        elif code in {_SSL_REQUEST, _GSSENC_REQUEST}:
            channel.sendall(b"N")
        else:
            body = _read_exactly(channel, length - 8)
            yield Startup(_parameters(body), isinstance(channel, ssl.SSLSocket), header + body), channel
            break
    if channel is not client:
        channel.close()


def _relay(path: Path, startup: bytes, client: socket.socket, closing: threading.Event) -> None:
    """Pass everything on, both ways, until either side closes, or we do."""
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(str(path))
        server.sendall(startup)
        while not closing.is_set():
            decrypted = isinstance(client, ssl.SSLSocket) and client.pending()
            ready = [client] if decrypted else select.select([client, server], [], [], 0.1)[0]
            for source in ready:
                chunk = source.recv(65536)
                if not chunk:
                    return
                (server if source is client else client).sendall(chunk)


def _read_exactly(channel: socket.socket, length: int) -> bytes:
    """That many bytes, or none when the client closes before."""
    received = b""
    while len(received) < length:
        chunk = channel.recv(length - len(received))
        if not chunk:
            return b""
        received += chunk
    return received


def _parameters(body: bytes) -> dict[str, str]:
    words = [word.decode() for word in body.rstrip(b"\0").split(b"\0")]
    return dict(zip(words[::2], words[1::2], strict=False))


def _server_context(path: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    alternatives = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    secret = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(certificate.public_bytes(encoding) + secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
