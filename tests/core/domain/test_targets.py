"""Targets: which URLs a webhook may have, and what is said of the others."""

from contextlib import suppress
from urllib.parse import urlsplit

import pytest
from hypothesis import given, strategies as st
from yarl import URL

from core.domain.addresses import LOOPBACK, networks
from core.domain.errors import Invalid
from core.domain.targets import LONGEST, target

OPEN = networks(LOOPBACK)
NEVER = {
    "": "begins with https://",
    "example.com/hooks": "begins with https://",
    "ftp://example.com/": "begins with https://",
    "javascript:alert(1)": "begins with https://",
    "https:/example.com/": "begins with https://",
    "https:///hooks": "This is no URL",
    "https://[::1/": "This is no URL",
    "https://exa mple.com/": "percent-encode",
    "https://example.com/\n": "percent-encode",
    "https://ex\tample.com/": "percent-encode",
    " https://example.com/": "percent-encode",
    "https://example.com\\@10.0.0.1/": "percent-encode",
    "https://münchen.example/": "xn--",
    "https://user:pass@example.com/": "no user and no password",
    "https://example.com@10.0.0.1/": "no user and no password",
    "https://example.com/#top": "no fragment",
    "https://example.com/hooks#": "no fragment",
    "https://example.com:0/": "no host, or no host and port",
    "https://example.com:65536/": "no host, or no host and port",
    "https://example.com:/": "no host, or no host and port",
    "https://example.com:+443/": "no host, or no host and port",
    "https://:443/": "no host, or no host and port",
    "https://ex%61mple.com/": "no host, or no host and port",
    "https://[fe80::1%25eth0]/": "no host, or no host and port",
    "https://[v1.fe80]/": "no host, or no host and port|This is no URL",
    "https://[1.2.3.4]/": "no IPv6 address|This is no URL",
    "https://example..com/": "no name that a host can have",
    "https://example.com./": "no name that a host can have",
    "https://-example.com/": "no name that a host can have",
    f"https://{'a' * 64}.com/": "no name that a host can have",
    f"https://{'a.' * 130}com/": "no name that a host can have",
    "https://2130706433/": "no IPv4 address",
    "https://127.1/": "no IPv4 address",
    "https://0x7f.1/": "no IPv4 address",
    "https://0x7f000001/": "no IPv4 address",
    "https://0177.0.0.1/": "no IPv4 address",
    "https://example.0x/": "no IPv4 address",
    "https://1.2.3.4.5/": "no IPv4 address",
    "https://256.1.1.1/": "no IPv4 address",
    "http://127.0.0.1:443/": "Port 443 is for https|begins with https://",
    f"https://example.com/{'a' * LONGEST}": "at most 2048 characters",
    "https://10.0.0.1/": "inside a private network",
    "https://[fd00::1]/": "inside a private network",
    "https://169.254.169.254/latest/meta-data/": "inside the metadata service",
    "https://[::ffff:10.0.0.1]/": "The address 10.0.0.1 is inside a private network, and",
    "https://[64:ff9b::7f00:1]/": "leads to it|inside a network of NAT64",
    "https://0.0.0.0/": "stands for none",
}
CLOSED = {
    "http://example.com/": "begins with https://",
    "https://example.com:8443/": "sent to port 443, not to 8443",
    "https://127.0.0.1/": "inside the loopback network",
    "https://localhost/": "inside the loopback network",
    "https://app.localhost/": "inside the loopback network",
    "https://[::1]/": "inside the loopback network",
}


def sentence(url: str, *, allow: str = "") -> str:
    """What is said of a URL that is refused."""
    with pytest.raises(Invalid) as refused:
        target(url, networks(allow))
    assert refused.value.field == "url"
    return str(refused.value)


@pytest.mark.parametrize(("url", "said"), NEVER.items())
def test_what_is_never_a_target(url: str, said: str) -> None:
    """Each is refused with a sentence of its own, whatever else the operator allows."""
    for allow in ("", LOOPBACK):
        assert any(one in sentence(url, allow=allow) for one in said.split("|")), url


@pytest.mark.parametrize(("url", "said"), CLOSED.items())
def test_what_is_a_target_where_it_is_allowed(url: str, said: str) -> None:
    """Plain http, other ports and this machine are for networks that the operator allows."""
    assert said in sentence(url)
    target(url, OPEN)


def test_what_a_target_is() -> None:
    """A host, by name or address, and a port."""
    found = target(f"https://Hooks.Example.com/a%2Fb?c=%20{'d' * 2_000}")
    assert (found.host, found.port, found.address) == ("hooks.example.com", 443, None)
    found = target("HTTP://[::1]:8080?x", OPEN)
    assert (found.host, found.port, str(found.address)) == ("[::1]", 8080, "::1")
    assert "no network that the operator allows" in sentence("http://8.8.8.8/", allow=LOOPBACK)
    target("https://8.8.8.8/", OPEN)


AUTHORITIES = st.text(st.sampled_from("ab1.-_[]:@%0x/\\?#\t xn\u00fc"), max_size=16)


@given(st.sampled_from(["http://", "https://", "hTTps:", "//"]), AUTHORITIES)
def test_nobody_reads_a_target_otherwise(scheme: str, rest: str) -> None:
    """A URL that passes leads to the same place for two other readers."""
    url = scheme + rest
    with suppress(Invalid):
        found = target(url, OPEN)
        others = urlsplit(url), URL(url), URL(url, encoded=True)
        bare = found.host.strip("[]")
        assert {other.hostname for other in others[:1]} == {bare}
        assert {(other.host or "").lower() for other in others[1:]} == {bare}
        assert {other.port or found.port for other in others} == {found.port}
