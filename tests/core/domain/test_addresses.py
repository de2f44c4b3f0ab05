"""Addresses: what must not be called, in whatever way it is written."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given, strategies as st

from core.domain.addresses import LOOPBACK, networks, objection, within

INSIDE = {
    "a private network": "10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.255 192.168.0.1 "
    "fc00::1 fdff::1 fec0::1 feff::1",
    "a private network of a provider": "100.64.0.1 100.127.255.255",
    "the loopback network": "127.0.0.1 127.255.255.254 ::1",
    "a link-local network": "169.254.0.1 fe80::1 febf::1",
    "the network of one interface": "fe80::1%eth0",
    "a multicast network": "224.0.0.1 239.255.255.255 ff02::1",
    "the network that stands for none": "0.0.0.0 0.255.255.255 ::",
    "a reserved network": "192.0.0.1 240.0.0.1 255.255.255.255 100::1 2001:1::1 2001:10::1 5f00::1 "
    "4000::1 e000::1",
    "a network for documentation": "192.0.2.1 198.51.100.1 203.0.113.1 2001:db8::1 3fff::1",
    "a network for benchmarks": "198.18.0.1 198.19.255.255 2001:2::1",
    "the network of 6to4 relays": "192.88.99.1",
    "the metadata service of a cloud": "169.254.169.254 168.63.129.16 100.100.100.200 192.0.0.192 "
    "fd00:ec2::254 fd20:ce::254",
    "a network of NAT64": "64:ff9b::808:808 64:ff9b:1::808:808",
    "the network of 6to4": "2002:808:808::1",
    "the network of Teredo": "2001:0:4136:e378:8000:63bf:f7f7:f7f7",
    "a network for IPv4-mapped addresses": "::ffff:8.8.8.8",
    "a network for IPv4-compatible addresses": "::8.8.8.8",
    "a network for translated IPv4 addresses": "::ffff:0:8.8.8.8",
}
PUBLIC = (
    "1.1.1.1 8.8.8.8 100.63.255.255 100.128.0.1 172.15.0.1 172.32.0.1 192.0.1.1 2606:4700::1111"
)
CARRIED = {
    "::127.0.0.1": "127.0.0.1",
    "::ffff:10.0.0.1": "10.0.0.1",
    "::ffff:0:10.0.0.1": "10.0.0.1",
    "64:ff9b::7f00:1": "127.0.0.1",
    "64:ff9b:1::a9fe:a9fe": "169.254.169.254",
    "2002:7f00:1::1": "127.0.0.1",
    "2001:0:4136:e378:8000:63bf:80ff:fffe": "127.0.0.1",
}


@pytest.mark.parametrize(
    ("text", "kind"), [(text, kind) for kind, all_ in INSIDE.items() for text in all_.split()]
)
def test_what_is_inside_is_refused(text: str, kind: str) -> None:
    """The sentence names the address and what it is inside of."""
    address = ip_address(text)
    assert objection(address) == f"The address {address} is inside {kind}."


@pytest.mark.parametrize("text", PUBLIC.split())
def test_what_is_public_may_be_called(text: str) -> None:
    """Neighbours of closed networks are open; without `public` only what an operator names is."""
    address = ip_address(text)
    assert objection(address) is None
    found = objection(address, networks(LOOPBACK), public=False)
    assert found == f"The address {address} is in no network that the operator allows."


@pytest.mark.parametrize(("text", "inner"), CARRIED.items())
def test_an_address_in_an_address_is_judged(text: str, inner: str) -> None:
    """What leads to an address inside is refused for it, even where the carrier is allowed."""
    for allowed in ("", f"{text}/128", "::/0"):
        found = objection(ip_address(text), networks(allowed))
        assert found is not None
        assert found.startswith(f"The address {inner} is inside ")
        assert found.endswith(f", and {ip_address(text)} leads to it.")


def test_an_operator_opens_what_is_named() -> None:
    """Networks and single addresses, of both kinds; what is beside them stays closed."""
    allowed = networks(f" 10.20.0.0/16, 169.254.7.7 ,{LOOPBACK},64:ff9b::/96,")
    for text in ("10.20.255.1", "169.254.7.7", "127.9.9.9", "::1"):
        assert objection(ip_address(text), allowed) is None
        assert objection(ip_address(text), allowed, public=False) is None
    for text in ("10.21.0.1", "169.254.7.8", "64:ff9b::a15:1"):
        assert objection(ip_address(text), allowed) is not None
    nat64 = ip_address("64:ff9b::808:808")
    assert objection(nat64, allowed) is None
    assert objection(nat64, allowed, public=False) is not None
    with pytest.raises(ValueError, match="nonsense"):
        networks("10.0.0.0/8,nonsense")


@given(st.ip_addresses(v=6))
def test_of_ipv6_only_what_is_given_out_is_open(address: IPv6Address) -> None:
    """Whatever is not in 2000::/3 is closed."""
    assert objection(address) is not None or within(address, networks("2000::/3"))


@given(st.ip_addresses(v=4), st.sampled_from(["::", "::ffff:0:0", "64:ff9b::", "64:ff9b:1::"]))
def test_no_spelling_opens_an_address(address: IPv4Address, prefix: str) -> None:
    """An IPv4 address that is closed is so in every IPv6 address that carries it."""
    carried = IPv6Address(int(IPv6Address(prefix)) | int(address))
    if objection(address) is not None:
        assert objection(carried, networks("::/0")) is not None or int(carried) < 2
    assert objection(carried) is not None
