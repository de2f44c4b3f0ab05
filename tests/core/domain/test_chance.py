"""Chance: nothing is given out twice, whoever asks."""

import os
from concurrent.futures import ThreadPoolExecutor

from core.domain.chance import AT_ONCE, Chance

SIZE = 12


def test_each_piece_is_another() -> None:
    """Across fetches, and of the size that was asked for."""
    chance = Chance(SIZE)
    pieces = [chance.piece() for _ in range(3 * AT_ONCE + 1)]
    assert len(set(pieces)) == len(pieces)
    assert {len(piece) for piece in pieces} == {SIZE}


def test_threads_share_it() -> None:
    """Nobody is given another's."""
    chance, each = Chance(SIZE), 20 * AT_ONCE
    with ThreadPoolExecutor(4) as pool:
        taken = pool.map(lambda _: [chance.piece() for _ in range(each)], range(4))
        pieces = [piece for some in taken for piece in some]
    assert len(set(pieces)) == 4 * each


def test_a_forked_process_has_its_own() -> None:
    """What its parent had fetched is given out by the parent alone."""
    chance = Chance(SIZE)
    chance.piece()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, b"".join(chance.piece() for _ in range(AT_ONCE)))
        os._exit(0)
    os.close(writing)
    theirs = os.read(reading, SIZE * AT_ONCE)
    os.close(reading)
    assert os.waitpid(child, 0)[1] == 0
    ours = b"".join(chance.piece() for _ in range(AT_ONCE))
    cut = [{told[at : at + SIZE] for at in range(0, len(told), SIZE)} for told in (theirs, ours)]
    assert len(cut[0]) == len(cut[1]) == AT_ONCE
    assert not cut[0] & cut[1]
