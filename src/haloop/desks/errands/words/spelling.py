"""Misspelt words of the grammar's own vocabulary, and the short forms people type.

Only words that the grammar needs are repaired, never names or goods: a repair that is wrong would put words into
somebody's mouth. One slip (a letter missing, doubled, wrong, or two swapped) is allowed in words of six letters or
more.
"""

from functools import lru_cache

_SHORT_FORMS = {
    **dict.fromkeys(("pls", "plz", "pleas", "plese", "pleae"), "please"),
    **dict.fromkeys(
        ("tmrw", "tmr", "tmw", "2moro", "2morrow", "tomoz", "tomorow", "tommorow", "tommorrow"), "tomorrow"
    ),
    **dict.fromkeys(("tonite", "2nite", "tonigt"), "tonight"),
    **dict.fromkeys(("tbl", "tabel", "talbe", "tabl", "tble", "taable", "tabble"), "table"),
    **dict.fromkeys(("boook", "bok", "bokk", "boko", "booka"), "book"),
    **dict.fromkeys(("oder", "ordr", "ordder", "odrer", "roder", "orde", "oreder"), "order"),
    **dict.fromkeys(("canel", "cancle", "cansel", "cancell", "cacel", "cnacel", "cncel"), "cancel"),
    **dict.fromkeys(("canceling",), "cancelling"),
    **dict.fromkeys(("canceled",), "cancelled"),
    **dict.fromkeys(("resy", "rez", "ressie", "reso"), "reservation"),
    **dict.fromkeys(("ppl", "peeps"), "people"),
    **dict.fromkeys(("dont",), "don't"),
    **dict.fromkeys(("wont",), "won't"),
    **dict.fromkeys(("cant",), "can't"),
    **dict.fromkeys(("didnt",), "didn't"),
    **dict.fromkeys(("doesnt",), "doesn't"),
    **dict.fromkeys(("im",), "i'm"),
    **dict.fromkeys(("ive",), "i've"),
    **dict.fromkeys(("subs",), "subscription"),
    **dict.fromkeys(("diner's",), "diner's"),
    **dict.fromkeys(("fryday", "firday", "frday"), "friday"),
    **dict.fromkeys(("satuday", "saterday", "satruday"), "saturday"),
    **dict.fromkeys(("wensday", "wendsday", "wednsday"), "wednesday"),
    **dict.fromkeys(("u",), "you"),
    **dict.fromkeys(("wanna",), "want to"),
    **dict.fromkeys(("gimme",), "give me"),
}
_VOCABULARY = (
    *("reservation", "reservations", "reserve", "booking", "restaurant", "dinner", "people", "person", "guests"),
    *("tonight", "tomorrow", "evening", "morning", "afternoon", "midnight", "weekend", "o'clock", "quarter"),
    *("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
    *("january", "february", "august", "september", "october", "november", "december"),
    *("cancel", "cancelling", "cancellation", "unsubscribe", "subscription", "membership", "terminate", "discontinue"),
    *("reorder", "repeat", "purchase", "restock", "grocery", "groceries", "around", "please", "another", "anymore"),
)
_REAL_WORDS = frozenset(
    "preserve deserve deserves reserved reserves observe recorder cancer cancers chancel cancels dinners diners winner"
    " sinner thinner bookings restaurants persons people's personal person's marshal subscriptions memberships ground"
    " arounds mourning evenings mornings weekends quarters purchased purchases repeats repeated groceries grocer"
    " pleased pleases pleas lease reorders reordered tomorrow's tonight's mondays tuesdays wednesdays thursdays fridays"
    " saturdays sundays everything evening's another's preserves reserver guess guest quests reheat mounday round"
    " terminated terminates quartet dinner's friday's sunday's monday's saturday's thursday's tuesday's booking's"
    " cancelled parson persona pearson peoples cooking looking hooking".split()
)
_LETTERS_MIN = 6


@lru_cache(maxsize=4_096)
def corrected(word: str) -> str | None:
    """The word that was meant, if this one is a slip or a short form; None if it stands as it is."""
    if word in _SHORT_FORMS:
        return _SHORT_FORMS[word]
    if not _LETTERS_MIN <= len(word) <= 15 or word in _REAL_WORDS or not word.isascii():
        return None
    near = [known for known in _VOCABULARY if len(known) >= _LETTERS_MIN and one_slip_apart(word, known)]
    return near[0] if len(near) == 1 and word not in _VOCABULARY else None


def one_slip_apart(one: str, other: str) -> bool:
    """The two differ by one letter too many, too few, wrong, or by two neighbours swapped."""
    if abs(len(one) - len(other)) > 1 or one == other:
        return False
    same = 0
    while same < min(len(one), len(other)) and one[same] == other[same]:
        same += 1
    a, b = one[same:], other[same:]
    return a[1:] == b[1:] or a[1:] == b or a == b[1:] or (a[1::-1] == b[:2] and a[2:] == b[2:])
