"""How well our own utterances are understood: the figures that may not get worse."""

import subprocess
import sys
from pathlib import Path

from eval.figures import Figures, measure
from eval.sets import own
from haloop.desks.errands.words.opinion import second_opinion

REPOSITORY = Path(__file__).parents[4]
NO_VERB, SOME_VERB = "unsupported", ("book", "cancel", "reorder")


def figures(name: str) -> Figures:
    return measure(own()[f"own-{name}"], second_opinion())


def test_nothing_of_our_own_is_done_that_was_not_asked() -> None:
    """Of all that we wrote down as no wish, none is acted on."""
    assert figures(NO_VERB).wrong_action == 0


def test_nine_in_ten_of_our_own_wishes_are_understood() -> None:
    """Wishes are found, and none is taken for another."""
    for name in SOME_VERB:
        counted = figures(name)
        assert counted.wrong_action == 0
        assert counted.right >= 0.9 * counted.cases, counted.misses


def test_times_and_parties_of_our_own_are_exact() -> None:
    """Where a table's time and party are said, they are read."""
    counted = figures("book")
    for slot in ("when", "party"):
        assert counted.exact[slot] >= 0.95 * counted.values[slot], counted.misses


def test_wishes_in_every_style_are_understood_and_what_only_sounds_like_one_is_left_alone() -> None:
    """Verbose, indirect, elliptical, for others, quoted: a wish is a wish; told, supposed or forbidden, it is none."""
    counted = figures("styles")
    assert counted.wrong_action <= 0.01 * counted.cases, counted.misses
    for verb in counted.wanted:
        assert counted.met[verb] >= 0.9 * counted.wanted[verb], counted.misses
    for slot, share in {"when": 0.95, "party": 0.95, "place": 0.9, "subject": 0.9, "items": 0.8}.items():
        assert counted.exact[slot] >= share * counted.values[slot], counted.misses


def test_the_eval_says_when_public_sets_are_not_there(tmp_path: Path) -> None:
    """Without a folder only our own are measured, and an empty folder is refused."""
    alone = subprocess.run([sys.executable, "-m", "eval"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert alone.stdout.startswith("Only our own sets")
    empty = [sys.executable, "-m", "eval", "--data", str(tmp_path)]
    refused = subprocess.run(empty, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert "no public sets" in refused.stderr
