"""What of somebody's words asks for nothing, although it has a verb of ours in it.

A verb asks where it is told to somebody, or wished by who speaks. It asks for nothing where others are its subject,
where it is over, supposed, forbidden, quoted, or part of a question about it. Such a stretch ends where its part of
the sentence does; what stands before and behind it may still be a request.
"""

from haloop.desks.errands.words.pattern import Pattern

_DO = r"(?:re-?order|order|buy|purchase|re-?book|book|reserve|cancel|unsubscribe)"
_DOES = r"(?:re-?orders|orders|buys|purchases|re-?books|books|reserves|cancels|unsubscribes)"
_DID = r"(?:re-?ordered|ordered|bought|purchased|re-?booked|booked|reserved|cancelled|unsubscribed)"
_DOING = r"(?:re-?ordering|ordering|buying|purchasing|booking|reserving|cancelling|unsubscribing)"
_THEIRS = r"(?:my|our|your|his|her|their|the|a|an|that|this|some|many|most)"
_PRONOUN = (
    r"(?:he|she|they|one|people|others|who|every ?(?:one|body)|some(?:one|body)|any(?:one|body)|no ?(?:one|body))"
)
_OTHERS = rf"(?:{_PRONOUN}|{_THEIRS} (?:[\w'-]+ )?[\w-]+)"
_MANY_OTHERS = rf"(?:{_PRONOUN}|{_THEIRS} (?:[\w'-]+ )?(?!groceries\b)[\w-]+s)"
_ADVERB = r"(?:(?:always|never|ever|already|just|only|even|once|also|still|nearly|almost|then|not|rather|often|sometimes|[a-z]+ly) )*"
_OFTEN = r"(?:always|usually|often|sometimes|normally|rarely|typically|generally|mostly|tend to)"
_HELPS = r"(?:(?:will|would|can|could|should|must|might|may|do|does|did|has to|have to|had to|keeps?|kept|isn't|won't|wouldn't|can't|couldn't|shouldn't|mustn't|doesn't|don't|didn't) )"
_IS = r"(?:(?:is|are|was|were|been|be|keeps?|kept) )"
_SAID = r"(?:said|says|say|saying|tells|told|asks|asked|wrote|writes|shouted|joked|suggested|suggests|wonders|wondered|claims|claimed|thinks|thought|heard|insists|insisted)"
_OPENS = r"(?:^|[-,.:;!?\"'(] ?|\b(?:and|but|because|since|so|when|whenever|after|before|that|if|whether|as|although|though|while|until|why|how|where) )"
_END = r"(?:(?! (?:and|but|so|or) (?:now|then|please|can|could|would|will|i|i'd|we|we'd|you|cancel|book|order|re-?order|reserve|stop|end|want|need|it|get|do|don't)\b)(?! please\b| instead of| can you| could you)[^,:;.?!\n]|\.(?=\w))*"

_TOLD = Pattern(
    "|".join(
        (
            # others do it
            rf"\b{_OTHERS}(?:'(?:ll|d|ve|s|re))? {_ADVERB}{_HELPS}{_ADVERB}(?:(?:have|be) )?{_DO}\b{_END}",
            rf"(?:{_OPENS}(?:[\w-]+ ){{0,3}}?{_MANY_OTHERS}|\b(?:when|that|because|since|why) [a-z]+s) {_ADVERB}{_DO} (?:the|a|an|their|his|her|it|them|more|some|every|bookings|reservations|tables)\b{_END}",
            rf"{_OPENS}(?:{_OTHERS}|[a-z]+) {_ADVERB}{_DOES}\b{_END}",
            rf"\b{_OTHERS} {_ADVERB}(?:[a-z]+ed|forgot) to {_ADVERB}{_DO}\b{_END}",
            rf"\blet (?:him|her|them|{_OTHERS}) {_DO}\b{_END}",
            rf"\b{_OTHERS}(?:'s|'re)? {_ADVERB}{_IS}?{_IS}{_ADVERB}{_DOING}\b{_END}",
            # it is over, or what is usual
            rf"(?<!\btime )\b(?:i|we|you|{_PRONOUN})(?:'ve|'d| have| has| had)? {_ADVERB}(?:had |have |been )?{_DID}\b{_END}",
            rf"{_OPENS}(?:{_OTHERS}|(?!get|have|need|want|please)[a-z]+)(?: has| have| had)? {_ADVERB}{_DID}\b(?! (?:for|by|before|now|today|tomorrow)\b|$|[,.!?]){_END}",
            rf"\b(?:i|we|you|people) (?:{_OFTEN} )+{_DO}\b{_END}",
            rf"\b(?:should|could|would|might|must)(?: not|n't)? have {_ADVERB}{_DID}\b{_END}",
            rf"\b(?:i|we) (?:used|was going|were going|was about|were about) to {_DO}\b{_END}",
            # it is supposed, left open, or done by who speaks
            rf"\bif (?:you|i|we|{_OTHERS}) {_ADVERB}(?:were to |was to |had to )?(?:{_DO}|{_DOES}|{_DID})\b{_END}",
            rf"\b(?:i|we)(?:'d| would) {_ADVERB}{_DO}\b[^.!?]*\bif [\w' ]*\b(?:weren't|wasn't|were|was|had|hadn't|didn't|did)\b{_END}",
            rf"(?<!\byou )\b(?:might|may) {_ADVERB}(?:(?:have|want|need) to )?{_DO}\b{_END}",
            rf"\b(?:i|we)(?:'ll| will| can| could) {_DO}\b{_END}\b(?:myself|ourselves)\b",
            rf"\b(?:imagine|suppose|supposing|assuming|pretend|i wish (?:i|we|they|he|she|you|my))\b{_END}",
            rf"\bwhether (?:to|one|i should|we should)\b{_END}",
            rf"\b(?:decid\w+|not sure|unsure|debating) (?:if|whether)\b{_END}",
            rf"\byou (?:can|may|could|should) {_ADVERB}{_DO}\b{_END}\b(?:any ?time|whenever)\b",
            # it is asked or said about
            rf"(?:^|[.!?;,] |\b(?:when|why) )(?:did|does|do|have|has|had|is|are|was|were|should|would|will|shouldn't|wouldn't|didn't|haven't|hasn't) (?:i|we|{_OTHERS}) {_ADVERB}(?:have |let (?:me|us) )?(?:{_DO}|{_DID}|{_DOING})\b{_END}",
            rf"(?:^|[.!?;,] )(?:have|has|had) you {_ADVERB}{_DID}\b{_END}",
            r"(?:^|[.!?;] )(?:is|are|was|were) (?!there\b|(?:it|that) (?:possible|ok|okay|all ?right|too late)\b|[^?]*\b(?:available|free|able|open)\b)[^?]*\?",
            rf"\bhow (?:often|many|much|long|far|big|old)\b{_END}",
            rf"\bwhat (?:would|does|do|did|will)\b{_END}\b(?:cost|charge|mean|save|happen)\b{_END}",
            rf"(?:^|[.!?;,] ){_DOING}\b[^.!?;,]*\b(?:is|was|were|would be|seems|makes|made|sounds|costs|takes)\b{_END}",
            rf"\b(?:regret|regretted|avoid|hate|love|enjoy|dislike|considered|remember|explain how|(?:thanks|thank you|sorry)(?: \w+){{0,2}} (?:for|about)) {_ADVERB}\w+ing\b{_END}",
            # others say it
            rf"\b(?:{_OTHERS}(?: keeps?| kept)? {_ADVERB}{_SAID}|i (?:heard|read|thought|was told))(?: (?:me|us|him|her|them))?(?: (?:that|if|whether))? (?!to\b|me to\b|us to\b|[\"']){_END}",
            rf"[^.;!?]*, {_OTHERS} {_SAID}\b",
            rf"\b{_OTHERS} (?:asked|told|begged|wants|wanted) (?:me|us) to\b[^.!?]*(?= but\b)",
            rf"\b(?:keeps?|kept) (?:asking|telling) (?:me|us|you) to {_DO}\b{_END}",
            rf"\b(?:write|draft|compose|dictate|translate|proofread)\b[^.!?]*\b(?:note|letter|e-?mail|message|text|reply|poem|story|card|speech|essay|sentence|saying|into)\b{_END}",
        )
    )
)
_QUOTED = Pattern(rf"\b(?:{_OTHERS}|[a-z]+) {_SAID}(?: (?:to )?(?:me|us|him|her|them))?[,:]? ?(?P<mark>[\"'])")
_TAKEN_UP = Pattern(
    r"\b(?:please|so do|go ahead|do (?:it|that|so|this|exactly that|as)|i agree|he's right|she's right|they're right|can you|could you|would you|make it so)\b"
)
_FORBIDDEN = Pattern(
    rf"\b(?:don't|do not|never|didn't|did not|shouldn't|should not|can't you|haven't|not going to|won't|would not|wouldn't)(?: want to| want you to| need to| have to| ever| actually| you dare to| you dare| you| going to)? (?:{_DO}|make a|make any|get any)\b{_END}"
    rf"|\b(?:no need to|needn't|not necessary to|don't have to|do not have to) {_DO}\b{_END}"
)
_RATHER = Pattern(
    r"\b(?:don't|do not|doesn't|does not) (?:need|want)\b[^,;.!?]*(?=,? (?:only|just|but (?:only |just )?(?:a|an|the|for)|rather)\b)"
)
_NOTHING = "\n"
"""Stands for each letter of what asks for nothing: no pattern goes across it."""


def asked(words: str) -> str:
    """The words without what asks for nothing; each letter that is left stands where it stood."""
    for match in _QUOTED.finditer(words):
        end = words.find(match["mark"], match.end())
        if end > 0 and not _TAKEN_UP.search(words, end):
            words = _without(words, match.start(), end)
    for pattern in (_TOLD, _FORBIDDEN, _RATHER):
        for match in pattern.finditer(words):
            words = _without(words, *match.span())
    return words


def _without(words: str, start: int, end: int) -> str:
    return words[:start] + _NOTHING * (end - start) + words[end:]
