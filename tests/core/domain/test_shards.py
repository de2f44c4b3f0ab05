"""Shards: which is a home's, and what is whose fair share."""

from collections import Counter

from hypothesis import given, strategies as st

from core.domain.shards import SHARDS, Lease, fair, move, shard_of
from core.domain.time import Uuid7

lives = st.sets(st.sampled_from("abcdefgh"), min_size=1)
owners = st.lists(st.none() | st.sampled_from("abcdefghxy"), min_size=SHARDS, max_size=SHARDS)


def test_a_home_stays_in_its_shard() -> None:
    """Rows and other processes hold the number, so it can never be another."""
    assert [shard_of(home) for home in ("", "home_1", "home_2", "häuser")] == [0, 60, 6, 37]


def test_homes_are_spread() -> None:
    """No shard has many times its part of the homes that ids give."""
    ids = Uuid7()
    counts = Counter(shard_of(ids.new("home")) for _ in range(64 * SHARDS))
    assert len(counts) == SHARDS
    assert max(counts.values()) < 2 * 64


@given(lives)
def test_fair_shares_are_all_there_is(found: set[str]) -> None:
    """Together they are every shard, and nobody has two more than another."""
    shares = [fair(found, one) for one in sorted(found)]
    assert sum(shares) == SHARDS
    assert max(shares) - min(shares) <= 1
    assert shares == sorted(shares, reverse=True)


@given(owners, lives)
def test_everybody_moves_to_a_fair_share(held: list[str | None], found: set[str]) -> None:
    """Nobody takes what one who lives has, or gives what is not theirs; two rounds are enough."""
    table = [Lease(shard, owner, 0) for shard, owner in enumerate(held)]
    for _ in range(2):
        for one in sorted(found):
            due = move(table, found, one)
            assert not (due.take and due.give)
            assert all(table[shard].owner not in found for shard in due.take)
            assert all(table[shard].owner == one for shard in due.give)
            for shard in due.take:
                table[shard] = Lease(shard, one, 0)
            for shard in due.give:
                table[shard] = Lease(shard, None, 0)
    counts = Counter(lease.owner for lease in table)
    assert counts == {one: fair(found, one) for one in found}
