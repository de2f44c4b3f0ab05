"""TLS: which certificates count, for which names, and what is said of the others."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.webhooks.receivers import HEADERS, OK, Names, receiver, request, sending


class Authority:
    """A certificate authority of a test's own."""

    def __init__(self, folder: Path) -> None:
        """Make its key and certificate."""
        self._folder = folder
        self._key = generate_private_key(SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        basics = x509.BasicConstraints(ca=True, path_length=0)
        self._cert = self._signed(self._name, self._key, 30, basics)

    def trusted(self) -> ssl.SSLContext:
        """The context of a client that trusts this authority."""
        text = self._cert.public_bytes(Encoding.PEM).decode()
        return ssl.create_default_context(cadata=text)

    def server(self, *names: str, days: int = 30) -> ssl.SSLContext:
        """The context of a server with a certificate for these names and addresses."""
        key = generate_private_key(SECP256R1())
        alternatives = x509.SubjectAlternativeName(
            [
                x509.IPAddress(ip_address(name)) if name[0].isdigit() else x509.DNSName(name)
                for name in names
            ]
        )
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        path = self._folder / "server.pem"
        path.write_bytes(
            self._signed(subject, key, days, alternatives).public_bytes(Encoding.PEM)
            + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _signed(
        self,
        subject: x509.Name,
        key: EllipticCurvePrivateKey,
        days: int,
        extension: x509.ExtensionType,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=60))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(extension, critical=False)
            .sign(self._key, SHA256())
        )


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The authority that senders trust."""
    return Authority(tmp_path_factory.mktemp("authority"))


async def good(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take requests and answer each."""
    while True:
        await request(reader)
        writer.write(OK)
        await writer.drain()


async def test_a_certificate_counts_for_its_names(authority: Authority) -> None:
    """The name of the URL is what counts, though an address is dialled; connections are kept."""
    names = Names(hooks=["127.0.0.1"], other=["127.0.0.1"])
    tls = authority.server("hooks.test", "127.0.0.1")
    async with (
        receiver(good, tls) as there,
        sending(resolver=names, tls=authority.trusted(), seconds=5) as sender,
    ):
        for host in ("hooks.test", "127.0.0.1", "hooks.test"):
            answer = await sender.post(f"https://{host}:{there.port}/", HEADERS, b"{}")
            assert (answer.status, answer.error) == (200, None)
        assert there.connections == 2
        answer = await sender.post(f"https://other.test:{there.port}/", HEADERS, b"{}")
        assert answer.error == "The certificate is not valid for other.test."
        answer = await sender.post(f"https://localhost:{there.port}/", HEADERS, b"{}")
        assert answer.error == "The name localhost does not resolve to an address."


async def test_what_is_not_trusted(authority: Authority) -> None:
    """A certificate of nobody known, or one that is over, is refused in words."""
    names = Names(hooks=["127.0.0.1"])
    async with (
        receiver(good, authority.server("hooks.test", days=-1)) as over,
        receiver(good, authority.server("hooks.test")) as fine,
    ):
        async with sending(resolver=names, tls=authority.trusted(), seconds=5) as sender:
            answer = await sender.post(f"https://hooks.test:{over.port}/", HEADERS, b"{}")
            assert answer.error == (
                "The certificate of hooks.test is not trusted: certificate has expired."
            )
        async with sending(resolver=names, seconds=5) as sender:  # who trusts what the system does
            answer = await sender.post(f"https://hooks.test:{fine.port}/", HEADERS, b"{}")
            assert answer.error is not None
            assert answer.error.startswith("The certificate of hooks.test is not trusted: ")


async def test_who_speaks_no_tls(authority: Authority) -> None:
    """Plain HTTP, and silence instead of a handshake."""

    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        await reader.read()

    async with sending(tls=authority.trusted(), seconds=0.5) as sender:
        for serve, error in (
            (plain, "TLS failed: wrong version number."),
            (silent, "No connection to 127.0.0.1 could be made within 0.5 s."),
        ):
            async with receiver(serve) as there:
                answer = await sender.post(f"https://127.0.0.1:{there.port}/", HEADERS, b"{}")
                assert (answer.status, answer.error) == (None, error)


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (b"", "The receiver did not answer within 0.3 s."),
        (b"nonsense\r\n" * 9, "The answer is not HTTP that can be read."),
    ],
)
async def test_a_bad_tls_receiver_is_left_at_once(
    authority: Authority, said: bytes, error: str
) -> None:
    """No farewell is waited for: its connection is gone with its message."""

    async def bad(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(said)
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket's transport has it
        await asyncio.sleep(60)

    async with (
        receiver(bad, authority.server("127.0.0.1")) as there,
        sending(tls=authority.trusted(), seconds=0.3) as sender,
    ):
        answer = await sender.post(f"https://127.0.0.1:{there.port}/", HEADERS, b"{}")
        assert answer.error == error
        await asyncio.sleep(0.05)
        assert sender.connections == 0
