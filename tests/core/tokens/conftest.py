"""What tests of tokens share."""

import pytest

from tests.core.tokens.mint import Mint, opened_mint


@pytest.fixture
def mint() -> Mint:
    """A mint with one key that everybody has heard of."""
    return opened_mint()
