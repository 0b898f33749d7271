"""For how many: a table for four, 2 adults and 3 kids, my wife and me, just me.

Companions who are named or described are counted, the person who speaks among them, and what was counted says so. A
number behind "for" is people unless the words give them elsewhere.
"""

import re

from haloop.desks.errands.words.found import Found, apply, rule
from haloop.desks.errands.words.number import NUMBER, number
from haloop.desks.errands.words.pattern import Pattern

PARTY_MAX = 999
_HEADS = (
    r"people|persons?|pax|guests?|adults?|kids?|children|child|babies|baby|toddlers?|infants?|teens?|teenagers?|seniors?|friends?|others"
    r"|diners|heads|ppl|individuals|men|man|women|woman|girls?|boys?|ladies|guys|gentlemen|sisters?|brothers?|siblings|sons?|daughters?"
    r"|colleagues|co-?workers|cousins?|family members|members|couples?|grandparents|grandkids|grandchildren|associates|mates|buddies|seats|covers"
)
_MANY = rf"(?:{NUMBER}|an?|one|my|our|his|her|their|some)"
_ONE_OTHER = (
    r"(?:wife|husband|partner|spouse|girlfriend|boyfriend|fianc[eé]e?|mom|mum|mother|dad|father|sister|brother|son|daughter|boss|friend|date"
    r"|cousin|aunt|uncle|grandmother|grandma|grandfather|grandpa|grandson|granddaughter|roommate|flatmate|colleague|co-?worker|neighbou?r|nephew|niece"
    r"|kid|child|baby|mate|buddy|client|girl|step ?(?:son|daughter|mother|father|mom|dad|brother|sister)|significant other|better half|teacher|secretary|assistant"
    r"|(?:mother|father|sister|brother|son|daughter)-in-law|great (?:grand(?:mother|father|son|daughter)))"
)
_TWO_OTHERS = r"(?:parents|folks|grandparents|in-laws|twins)"
_OWNED = rf"(?:(?:my|our|a|an|the|one|1) )?(?:\w+ )?{_ONE_OTHER}(?! name)"
_COUNTED = rf"{NUMBER} (?:(?:other|more|of my|little|small|young|close|work|best) )?(?:{_HEADS}|{_ONE_OTHER}s?)\b|{NUMBER} (?:others|more)\b"
_COMPANION = rf"(?:{_COUNTED}|(?:my |our )?{_TWO_OTHERS}|{_OWNED})"
_SELF = r"(?:myself|me|us|i(?!'| (?:would|want|need|have|had|am|will|can|could|was|think|don't|must|like|wish|book|said|meant|booked)\b))"
_GROUP = rf"(?:{_COMPANION}|{_SELF})"
_LINK = r"(?:,? and |, ?| & | plus | \+ | with | along with | as well as )"
_NAME = r"(?!(?:a|an|the|my|our|his|her|for|at|in|on|table|dinner|lunch|brunch|breakfast|tonight|tomorrow|please|book|two|me|i|us|party|people|this|that|name|some|one|three|four|five|six|seven|eight|nine|ten)\b)[a-z][a-z'.-]+"

_COUNT = rf"(?P<count>{NUMBER})"
_NOT_PEOPLE = r"(?!\s*(?:[:/.]\d|-\d|[ap]\.?m\b|o'? ?clock|th\b|st\b|nd\b|rd\b|%|[$€£]|stars?|(?:week|day|night|hour|minute|month|year|mile|dollar|course|point)s?\b|\d|past|to \d|of the best))"


def find_parties(words: str) -> list[Found[int]]:
    """Every number of people that the words give, in their order."""
    findings, _ = apply(_RULES, words)
    return findings


def bare_number(words: str) -> Found[int] | None:
    """A number that can only be people, because that was asked."""
    match = _ALONE.search(words)
    return _counted(match) if match else None


def _counted(match: re.Match[str]) -> Found[int] | None:
    count = number(match["count"])
    if count is None or not 0 < count <= PARTY_MAX:
        return None
    start = match.start("count")
    return Found(start, max(match.end(), match.end("count")), count)


def _unsure(match: re.Match[str]) -> Found[int] | None:
    found = _counted(match)
    return found and found._replace(
        inferred=True, taken_for=f"{match['count'].strip()} was taken for the number of people."
    )


def _one(match: re.Match[str]) -> Found[int] | None:
    return Found(match.start(), match.end(), 1)


def _two(match: re.Match[str]) -> Found[int] | None:
    return Found(match.start(), match.end(), 2)


def _summed(match: re.Match[str]) -> Found[int] | None:
    """Everybody in "me, my wife and 3 kids"."""
    count, spoke = 0, False
    for part in _PARTS.finditer(match[0]):
        said = part[0]
        if part["self"]:
            count, spoke = count + (0 if spoke else 1), True
        elif part["counted"]:
            head = number(re.match(NUMBER, said)[0])  # type: ignore[index]  # the pattern begins with a number
            count += (head or 1) * (2 if said.endswith("couples") else 1)
        else:
            count += 2 if part["two"] else 1
    if not 0 < count <= PARTY_MAX:
        return None
    speaker = not spoke and re.search(
        r"\b(?:my|our)\b|with|take|bring", match[0] + match.string[max(0, match.start() - 12) : match.start()]
    )
    only_counted = not re.search(rf"\b(?:{_SELF}|my|our)\b", match[0]) and not speaker
    count += 1 if speaker else 0
    told = f'"{match[0].strip()}" was taken for {count} people.'
    return Found(match.start(), match.end(), count, not only_counted, "" if only_counted else told)


_PARTS = Pattern(
    rf"(?P<counted>{_COUNTED})|(?P<two>\b(?:my |our )?{_TWO_OTHERS}\b)|(?P<self>\b{_SELF}\b)|(?P<one>\b{_OWNED}\b)"
)


def _named(match: re.Match[str]) -> Found[int] | None:
    """Table for Kristina and Teresa; dinner with Tom, where whoever speaks is there too."""
    names = re.split(r",? and |, ", match["names"])
    count = len(names) + (1 if " with " in match[0] else 0)
    told = f'"{match["names"].strip()}" was taken for {count} people.'
    return Found(match.start("names"), match.end("names"), count, inferred=True, taken_for=told)


def _either(match: re.Match[str]) -> Found[int] | None:
    said = next(group for name, group in match.groupdict().items() if group and name in ("count", "c2", "c3"))
    count = number(said)
    if count is None or not 0 < count <= PARTY_MAX:
        return None
    return Found(match.start(), match.end(), count)


def _couples(match: re.Match[str]) -> Found[int] | None:
    found = _counted(match)
    if found and match[0].endswith("couples"):
        told = f'"{match[0]}" was taken for {2 * found.value} people.'
        return found._replace(value=2 * found.value, inferred=True, taken_for=told)
    return found


_TABLE = r"(?:table|booth|reservation|booking|spot|seats?|seating|dinner|lunch|brunch|breakfast|supper|meal|party|group|restaurant|place|room|space|tables|reservations|spots)"
_RULES = (
    rule(rf"\b{_GROUP}(?:{_LINK}{_GROUP}){{1,6}}\b", _summed),
    rule(rf"\b(?:number|amount|total)(?: of (?:people|guests|persons|diners))?(?: (?:i|we) (?:want|need|have))?(?: is| will be| should be| would be|:| to| of)(?: now)? {_COUNT}\b{_NOT_PEOPLE}", _counted),
    rule(rf"\b{_COUNT} (?:is the (?:number|amount|total)|total|in total|all together|altogether|seated|coming|attending)\b|\b(?:seat|all) (?:all )?{_COUNT.replace('count', 'c2')}\b{_NOT_PEOPLE}", _either),
    rule(rf"\b(?:party|part|group|table|total|family|team|parties|people|guests|size) (?:size )?(?:of|is|to|will be|has shrunk to|i want is|want is|wanted is) (?:about |around |up to )?{_COUNT}\b(?: (?:{_HEADS})\b)?{_NOT_PEOPLE}", _counted),
    rule(rf"\b{_COUNT}(?: (?:more|other|hungry|whole|extra|lovely))? (?:{_HEADS})\b(?! (?:minutes|reservation))", _couples),
    rule(rf"\b(?:the )?{_COUNT} of us\b|\bus (?:all )?(?P<c2>{NUMBER})\b|\bthe {_COUNT.replace('count', 'c3')} of (?:them|you)\b", _either),
    rule(rf"\b{_COUNT}[- ]?tops?\b|\b{_COUNT.replace('count', 'c2')}[- ](?:person|people|seater)s?\b(?! minutes)", _either),
    rule(r"\b(?:just|only) (?:me|myself)\b|\bby myself\b|\bsolo\b|\bon my own\b|\b(?:table|reservation|booking|seat|spot|lunch|dinner) for (?:me|myself)\b(?!,? and| \+|,? plus| with)|\balone\b|\bi'll be (?:dining )?alone\b", _one),
    rule(r"\b(?:a|the) couple\b(?! of)|\b(?:both of us|we two)\b", _two),
    rule(rf"\b{_TABLE} (?:for|4|fits?|of|that (?:seats|fits|can (?:take|fit|seat)))(?: a| up to| about| around)? ?(?:party of |group of )?{_COUNT}\b{_NOT_PEOPLE}", _counted),
    rule(rf"\b(?:seats?|fits?|seat|accommodates?|have room for|bring|expect(?:ing)?|serve) {_COUNT}\b{_NOT_PEOPLE}", _counted),
    rule(rf"\bfor (?:about |around |up to |a party of |a group of )?{_COUNT}\b{_NOT_PEOPLE}", _unsure),
    rule(rf"(?<![\w,])(?:(?:take|bring|with|meet(?:ing)?|join(?:ing)?|for|and) )({_OWNED}|my {_TWO_OTHERS})\b(?!'s)", _summed),
    rule(rf"\b(?:change|switch|alter|update|edit|make|increase|decrease|reduce|expand|amend|revise|move|bump|modify|set|include|add)\b[^.!?]{{0,60}}? (?:to|include|only|for) (?:only |include |just )*{_COUNT}\b{_NOT_PEOPLE}(?=$|[,.!?]| \x1f| now| instead| please| total| people)", _unsure),
    rule(rf"\b(?:there (?:will be|are|'s)|there'll be|we(?:'ll|'d| will| would)? (?:be|are)|we're|make (?:it|that)|it's|we need|i need|changed? (?:it )?to|(?:up|down) to) (?:for |only |just |about |now )?{_COUNT}\b(?=$|[,.!?]| \x1f| now| instead| not| in total| total| at | with us| for )", _unsure),
    rule(rf"\b{_COUNT}(?: (?:are|is) with us| in total| altogether| will be (?:coming|there|attending|joining)| are coming)", _counted),
    rule(rf"(?:^|\b(?:book|it is|it's|was|maybe|think|likely|probably) ){_COUNT}\b(?= (?:for|at|on) \x1f| (?:of use?|to be precise)\b){_NOT_PEOPLE}", _unsure),
    rule(rf"(?:^|, ){_COUNT}(?=,)", _unsure),
    rule(rf"^{_COUNT}(?= at\b)", _unsure),
    rule(rf"\b(?:i (?:said|meant)|only|just|we (?:have|are)|(?:gang|crew|band|all) of) {_COUNT}\b(?=$|[,.!?]| \x1f| (?:for|at|on) \x1f| not\b){_NOT_PEOPLE}", _unsure),
    rule(rf"\b(?:dinner|lunch|brunch|breakfast|supper|eat|dine|meal|drinks|table|restaurant|out)\b[^.!?;]{{0,20}}? with (?P<names>{_NAME}(?:, {_NAME}){{0,4}}(?:,? and {_NAME})?)(?=$|[,.!?;]| \x1f| at| on| in)", _named),
    rule(rf"\b(?:table|reservation|booking|spot|seats?) for (?P<names>{_NAME}(?: {_NAME})?(?:, {_NAME}(?: {_NAME})?){{0,4}},? and {_NAME}(?: {_NAME})?)(?=$|[,.!?]| \x1f| at| in| on| for)", _named),
)  # fmt: skip
_ALONE = Pattern(rf"(?<![\d:./]){_COUNT}\b{_NOT_PEOPLE}")
