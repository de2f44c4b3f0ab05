"""Where callers are."""

from ipaddress import IPv6Address

import pytest
from hypothesis import given, strategies as st

from core.domain.sources import address, network


@pytest.mark.parametrize(
    ("text", "one", "counted"),
    [
        ("203.0.113.9", "203.0.113.9", "203.0.113.9"),
        ("2001:DB8::0001", "2001:db8::1", "2001:db8::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9", "203.0.113.9"),
        ("fe80::1%eth0", "fe80::1", "fe80::/64"),
        ("testclient", None, "unknown"),
        (None, None, "unknown"),
    ],
)
def test_an_address_has_one_spelling(text: str | None, one: str | None, counted: str) -> None:
    """However it was written; an address of IPv6 is counted with its neighbours."""
    assert (address(text), network(text)) == (one, counted)


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.integers(1, 2**64 - 1))
def test_a_network_is_the_upper_half(upper: int, lower: int, other: int) -> None:
    """Two addresses of IPv6 are counted together exactly where their first 64 bits are equal."""
    here, near = (IPv6Address(upper << 64 | low) for low in (lower, lower ^ other))
    far = IPv6Address((upper ^ other) << 64 | lower)
    if here.ipv4_mapped or near.ipv4_mapped or far.ipv4_mapped:
        return
    assert network(str(here)) == network(str(near)) != network(str(far))
