"""Names, as people are to read them: what hides in them, and what makes them look like others."""

import re
import unicodedata
from typing import Final

_UNSEEN: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0d\uffa0"
    "\U0001d159\U000e0100-\U000e01ef]"
)
"""What has no look of its own and yet counts as printable (Default_Ignorable_Code_Point of UAX #44,
and two blanks); the two selectors that tell an emoji from a text sign may stay."""
_STACKED: Final = 4
"""Marks on one letter; living scripts need fewer, and a pile of them covers other lines."""
_ALIKE: Final = frozenset({"ARMENIAN", "CHEROKEE", "COPTIC", "CYRILLIC", "GREEK", "LATIN"})
"""Scripts that have letters in common, for the eye."""
_LOOKS: Final = str.maketrans("i1|!043\u0131", "lllloael")
OURS: Final = "latchkey"


def normal_name(name: str) -> str:
    """A name without spaces around it and composed (NFC), so that what looks equal is equal."""
    return unicodedata.normalize("NFC", name).strip()


def hides(name: str) -> bool:
    """Whether something in it is not seen, or turns or covers what is around it.

    That is: controls, format characters such as overrides of direction and zero-width joiners
    (UAX #9, UTR #36 §3.5), private and unassigned ones, blanks, and piles of marks.
    """
    return not name.isprintable() or bool(_UNSEEN.search(name)) or _piles(name)


def mixes(name: str) -> bool:
    """Whether one of its words has letters of scripts that look alike (UTS #39 §5.1)."""
    return any(len(_scripts(word)) > 1 for word in re.findall(r"[^\W\d_]+", name))


def imitates(name: str) -> bool:
    """Whether it reads as our own name, spelled in whatever way."""
    plain = unicodedata.normalize("NFKD", name).casefold().translate(_LOOKS)
    return OURS in "".join(filter(str.isalnum, plain))


def _scripts(word: str) -> frozenset[str]:
    return _ALIKE & {unicodedata.name(letter, "").partition(" ")[0] for letter in word}


def _piles(name: str) -> bool:
    pile = 0
    for letter in name:
        pile = pile + 1 if unicodedata.category(letter) in {"Mn", "Me"} else 0
        if pile > _STACKED:
            return True
    return False
