"""Whole numbers as people say them: 7, seven, a couple, half a dozen."""

from haloop.desks.errands.words.pattern import Pattern

_WORDS = {
    **{w: n for n, w in enumerate("zero one two three four five six seven eight nine ten eleven twelve".split())},
    **{w: n for n, w in enumerate("thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty".split(), 13)},
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "a": 1,
    "an": 1,
    "another": 1,
    "single": 1,
    "a single": 1,
    "couple": 2,
    "a couple": 2,
    "a couple of": 2,
    "both": 2,
    "couple of": 2,
    "pair of": 2,
    "a pair of": 2,
    "a dozen": 12,
    "dozen": 12,
    "half a dozen": 6,
    "half dozen": 6,
}
_ORDINALS = {
    w: n
    for n, w in enumerate(
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth"
        " fifteenth sixteenth seventeenth eighteenth nineteenth twentieth".split(),
        1,
    )
} | {"thirtieth": 30}

UNIT_WORDS = "one|two|three|four|five|six|seven|eight|nine"
NUMBER = (
    r"(?:\d{1,3}(?!\d)|half a dozen|half dozen|a dozen|(?:" + UNIT_WORDS + r") dozen|a couple(?: of)?|dozen"
    r"|(?:twenty|thirty|forty|fifty)(?:[- ](?:" + UNIT_WORDS + r"))?"
    r"|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|" + UNIT_WORDS + r")"
)
"""A pattern for what `number` reads."""
ORDINAL_WORD = (
    r"(?:(?:twenty|thirty)[- ](?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth)|"
    + "|".join(_ORDINALS)
    + r")"
)

_TENS_AND_ONES = Pattern(r"(twenty|thirty|forty|fifty)[- ](\w+)")


def number(words: str) -> int | None:
    """The number that the words mean, if they mean one."""
    words = words.strip()
    if words.isdecimal() and words.isascii():
        return int(words)
    if words in _WORDS:
        return _WORDS[words]
    if words.endswith(" dozen"):
        return 12 * _WORDS.get(words.removesuffix(" dozen"), 1)
    compound = _TENS_AND_ONES.fullmatch(words)
    if compound and compound[2] in _WORDS:
        return _WORDS[compound[1]] + _WORDS[compound[2]]
    return None


def ordinal(words: str) -> int | None:
    """The place in a row that the words mean: 3rd, third, twenty-first."""
    words = words.strip()
    digits = words.rstrip("stndrh")
    if digits.isdecimal() and digits.isascii():
        return int(digits)
    compound = _TENS_AND_ONES.fullmatch(words)
    if compound and compound[2] in _ORDINALS:
        return _WORDS[compound[1]] + _ORDINALS[compound[2]]
    return _ORDINALS.get(words)
