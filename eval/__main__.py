"""`python -m eval`: how well the built-in reader understands, per set, with one line of JSON for machines."""

import argparse
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from eval.figures import Figures, measure
from eval.sets import Case, own, public
from haloop.desks.errands.words import opinion

FOLDER = "HALOOP_LANGUAGE_DATA"


def main() -> None:
    parser = argparse.ArgumentParser(prog="eval", description=__doc__)
    parser.add_argument("--data", type=Path, help=f"the folder with the public sets (or {FOLDER})")
    parser.add_argument("--held-out", action="store_true", help="only the fifth that is kept aside of every set")
    parser.add_argument(
        "--misses", type=int, default=0, metavar="N", help="show so many misses per set; never with --held-out"
    )
    parser.add_argument("--opinion", type=Path, help="another file of weights, such as one trained without a set")
    arguments = parser.parse_args()
    second = opinion.read(arguments.opinion.read_bytes()) if arguments.opinion else opinion.second_opinion()
    folder = arguments.data or (Path(os.environ[FOLDER]) if FOLDER in os.environ else None)
    sets = own() | (_public(folder) if folder else {})
    if folder is None:
        print(f"Only our own sets: no folder of public ones was named (--data or {FOLDER}).\n")
    report(sets, second, held_out=arguments.held_out, misses=0 if arguments.held_out else arguments.misses)


def _public(folder: Path) -> dict[str, list[Case]]:
    found = public(folder)
    if not found:
        sys.exit(f"There are no public sets in {folder}; it should hold files such as clinc150-train.jsonl.")
    return found


def report(sets: dict[str, list[Case]], second: opinion.SecondOpinion, *, held_out: bool, misses: int) -> None:
    """Print the table, the misses if asked for, and the line."""
    line: dict[str, object] = {}
    print("| set | cases | accuracy | false actions | out of scope | BOOK | CANCEL | REORDER | questions | p99 ms |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    measured = {}
    for name, cases in sets.items():
        figures = measure((case for case in cases if not held_out or case.held_out), second)
        measured[name] = figures
        line[name] = _for_machines(figures)
        if figures.scored:
            print(_verbs(name, figures))
    print("\n| set | slot | span F1 | values | exact | offered to choose |\n| --- | --- | --- | --- | --- | --- |")
    for name, figures in measured.items():
        for slot in sorted({*figures.values, *(key.split(".")[0] for key in figures.spans)}):
            print(_slot(name, slot, figures))
    for name, figures in measured.items():
        for miss in figures.misses[:misses]:
            print(f"{name}: {miss}")
    milliseconds = sorted(ms for figures in measured.values() for ms in figures.milliseconds)
    importing = _import_milliseconds()
    p99 = milliseconds[int(0.99 * len(milliseconds))]
    busy = sorted(ms for figures in measured.values() for ms in figures.busy)
    busy_p99 = busy[int(0.99 * len(busy))]
    print(f"\nEvery reading: p50 {milliseconds[len(milliseconds) // 2]:.2f} ms, p99 {p99:.2f} ms on the clock,")
    print(f"p99 {busy_p99:.2f} ms of the processor. Import: {importing:.0f} ms of the processor.")
    print(
        json.dumps(
            {
                "eval": "words",
                "held_out": held_out,
                "p99_ms": round(p99, 3),
                "import_ms": round(importing, 1),
                "sets": line,
            }
        )
    )


def _verbs(name: str, f: Figures) -> str:
    each = " | ".join(_share(f.met[verb], f.wanted[verb]) for verb in ("BOOK", "CANCEL", "REORDER"))
    wrong = f"{f.wrong_action} ({100 * f.wrong_action / f.scored:.2f} %)"
    cells = [str(f.scored), _share(f.right, f.scored), wrong, _share(f.none_given, f.none_wanted), each]
    return f"| {name} | {' | '.join(cells)} | {f.asked / f.scored:.2f} | {f.p99():.2f} |"


def _slot(name: str, slot: str, f: Figures) -> str:
    f1, values = f.f1(slot), f.values[slot]
    shares = f"{_share(f.exact[slot], values)} | {_share(f.offered[slot], values)}"
    return f"| {name} | {slot} | {'' if f1 is None else f'{f1:.3f}'} | {values} | {shares} |"


def _share(some: int, of: int) -> str:
    return f"{100 * some / of:.1f} %" if of else ""


def _for_machines(f: Figures) -> dict[str, object]:
    counts: dict[str, Counter[str]] = {
        "wanted": f.wanted,
        "met": f.met,
        "values": f.values,
        "exact": f.exact,
        "offered": f.offered,
    }
    return {
        "cases": f.cases,
        "scored": f.scored,
        "right": f.right,
        "wrong_action": f.wrong_action,
        "questions": f.asked,
        "none_wanted": f.none_wanted,
        "none_given": f.none_given,
        "p99_ms": round(f.p99(), 3),
        **{name: dict(counter) for name, counter in counts.items()},
        "f1": {slot: f.f1(slot) for slot in sorted({key.split(".")[0] for key in f.spans})},
    }


def _import_milliseconds() -> float:
    """The least of five fresh interpreters, without the interpreter itself, compiled as an installed program is."""
    code = (
        "import time; t = time.process_time(); import haloop.desks.errands.words.reader; print(time.process_time() - t)"
    )
    compiled = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", code]
    runs = [subprocess.run(command, check=True, capture_output=True, text=True, env=compiled) for _ in range(5)]
    return 1_000 * min(float(run.stdout) for run in runs)


if __name__ == "__main__":
    main()
