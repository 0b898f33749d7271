"""Whether the words are in a language that this grammar speaks, which is English alone.

Half a sentence understood is worse than none, so whatever looks like another language is left alone. Few words are
looked at: another script, or the small words that no sentence of another language goes without.
"""

from haloop.desks.errands.words.pattern import Pattern

_FOREIGN = frozenset(
    # German, Dutch, Scandinavian
    "ich mir uns einen eine ein einer für bitte und der die das den dem nicht möchte heute morgen abend uhr tisch zwei drei vier"
    " bestelle bestellen kündige kündigen reservieren reserviere mein meine meinen bei um wie immer wieder nächsten"
    " een voor het ik wil graag mijn reserveer opzeggen bestel twee drie vanavond alsjeblieft"
    " en et att jag vill boka ett bord för på och till min mitt min"
    # French
    " je nous une un le la les du des pour de veux voudrais réserver réserve annuler annule commander commande mon ma mes demain soir"
    " ce cet dans avec sur table deux personnes vendredi samedi dimanche lundi mardi mercredi jeudi midi heures plaît"
    # Spanish, Portuguese, Italian
    " el los las por para quiero una mesa cancelar cancela reservar reserva pedir pide mi mis suscripción suscripcion mañana noche"
    " dos personas viernes sábado domingo lunes martes miércoles jueves favor del con que lo de"
    " eu quero uma para minha meu assinatura amanhã noite pessoas por o os as da do na no"
    " voglio vorrei prenota prenotare prenota tavolo per il mio mia abbonamento domani sera persone alle venerdì sabato domenica di"
    # Polish, Turkish
    " chcę stolik na proszę moje zamów dla jutro bir için masa lütfen iptal et rezervasyon yarın akşam".split()
)
_ENGLISH = frozenset(
    "i i'd i'm me my we us our you your the a an of to for at in on with and or is are it that this please can could would want need"
    " get make book reserve table cancel order reorder usual more some from under tonight tomorrow dinner lunch subscription people"
    " do don't not no yes have has be will if so but what when where how some again same last next week out by about around like just".split()
)
_BOTH = frozenset(
    "table no a en on et de min do as bar restaurant me an o i in is la le el las los du des menu reserve us so per".split()
)
_LETTERS = Pattern(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_FOREIGN_SHARE_MAX = 0.2
_FOREIGN_WORDS_MIN = 2


def speaks(words: str) -> bool:
    """Whether to try and read the words at all."""
    letters = [letter for letter in words if letter.isalpha()]
    other_script = sum(1 for letter in letters if ord(letter) > 0x24F)
    if letters and other_script > _FOREIGN_SHARE_MAX * len(letters):
        return False
    said = _LETTERS.findall(words)
    english = sum(1 for word in said if word in _ENGLISH and word not in _BOTH)
    foreign = sum(1 for word in said if word in _FOREIGN and word not in _BOTH)
    perhaps = sum(1 for word in said if word in _FOREIGN and word in _BOTH)
    return not (foreign + perhaps / 2 >= _FOREIGN_WORDS_MIN and foreign > english) and not (
        foreign and not english and len(said) <= 4 and foreign + perhaps >= _FOREIGN_WORDS_MIN
    )
