"""`python -m bench.peers`: the same gated work on other engines, measured here and now.

Needs the `bench` group: `uv run --isolated --group bench python -m bench.peers`.
"""

import argparse
import json
import logging
import os
import platform
import signal
import warnings
from dataclasses import asdict
from functools import partial

from bench import gated_run
from bench.peers.dbos import Dbos
from bench.peers.langgraph import LangGraph
from bench.peers.measure import AT_ONCE, Contender, Plan, measure
from bench.peers.temporal import Temporal

CONTENDERS = [
    Contender(opened=partial(LangGraph.opened, durability="sync")),
    Contender(opened=partial(LangGraph.opened, durability="async")),
    Contender(opened=Dbos.opened),
    Contender(opened=Temporal.opened),
    Contender(opened=gated_run.opened, peer=False),
]

COLUMNS = (
    "engine",
    "version",
    f"runs/s, {AT_ONCE} at once (lowest–highest)",
    "of the best peer",
    "p50, one at a time",
    "what it guarantees for the effect",
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.peers", description=__doc__)
    parser.add_argument("--small", action="store_true", help="a smoke test: short, and its figures mean nothing")
    small = parser.parse_args().small
    _quieten()
    # Ended by a signal, leave as on Ctrl-C: closing what was opened, Temporal's server among it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    plan = Plan(rounds=1 if small else 5, rate_seconds=1 if small else 8, runs_alone=3 if small else 20)
    rows = measure(CONTENDERS, plan)
    print(f"Python {platform.python_version()}, {os.cpu_count()} processors, {plan.rounds} rounds in turns\n")
    print(f"| {' | '.join(COLUMNS)} |\n|{' --- |' * len(COLUMNS)}")
    for row in rows:
        print(row.line())
    print(json.dumps({"bench": "peers", "figures": [asdict(row) for row in rows]}, ensure_ascii=False))


def _quieten() -> None:
    """The peers' warnings and progress off; what goes wrong still arrives as an exception."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    os.environ["LANGSMITH_TRACING"] = "false"  # LangGraph would send runs to its maker where this is set


if __name__ == "__main__":
    main()
