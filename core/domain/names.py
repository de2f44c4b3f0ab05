"""Names, as people are to read them: what hides in them, and what makes them look like others."""

import re
import unicodedata
from typing import Final, Literal

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
EXPLORERS: Final = "graphiql"
_SIGNS: Final = frozenset({"Sm", "Sk", "Nl"})
_EVERYDAY: Final = frozenset("+|~<>=^")
_LIVING: Final = frozenset(
    {
        *("ARABIC", "ARMENIAN", "BENGALI", "BOPOMOFO", "CJK", "CYRILLIC", "DEVANAGARI", "ETHIOPIC"),
        *("GEORGIAN", "GREEK", "GUJARATI", "GURMUKHI", "HANGUL", "HEBREW", "HIRAGANA", "KANNADA"),
        *(
            "KATAKANA",
            "KATAKANA-HIRAGANA",
            "KHMER",
            "LAO",
            "LATIN",
            "MALAYALAM",
            "MICRO",
            "MONGOLIAN",
        ),
        *("MYANMAR", "ORIYA", "SINHALA", "TAMIL", "TELUGU", "THAANA", "THAI", "TIBETAN"),
    }
)
"""Scripts that apps are named in, as the names of their letters begin."""


LONGEST: Final = 1_000
"""Letters that are looked at: to compose marks takes time by the square of how many there are."""


def normal_name(name: str, form: Literal["NFC", "NFKC"] = "NFC") -> str:
    """A name without spaces around it and composed, so that what looks equal is equal.

    What is too long to be one stays as it is.
    """
    return unicodedata.normalize(form, name).strip() if len(name) <= LONGEST else name


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
    """Whether it reads as a name of ours, spelled in whatever way."""
    bare = "".join(map(_bare, unicodedata.normalize("NFKD", name)))
    plain = "".join(filter(str.isalnum, bare.casefold().translate(_LOOKS)))
    return any(ours.translate(_LOOKS) in plain for ours in (OURS, EXPLORERS))


def foreign(name: str) -> bool:
    """Whether it has letters of no living alphabet, or signs that pass for letters."""
    return any(
        not _living(letter) if letter.isalpha() else unicodedata.category(letter) in _SIGNS
        for letter in name
        if letter not in _EVERYDAY
    )


def _living(letter: str) -> bool:
    name = unicodedata.name(letter, "")
    return name.partition(" ")[0] in _LIVING and "SMALL CAPITAL" not in name


def _bare(letter: str) -> str:
    """A Latin letter without what is drawn through it or hangs on it, by its name."""
    name = unicodedata.name(letter, "").partition(" WITH ")[0]
    last = name.rpartition(" ")[2]
    return last if name.startswith("LATIN ") and len(last) == 1 else letter


def _scripts(word: str) -> frozenset[str]:
    return _ALIKE & {unicodedata.name(letter, "").partition(" ")[0] for letter in word}


def _piles(name: str) -> bool:
    pile = 0
    for letter in name:
        pile = pile + 1 if unicodedata.category(letter) in {"Mn", "Me"} else 0
        if pile > _STACKED:
            return True
    return False
