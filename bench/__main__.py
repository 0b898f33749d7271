"""`python -m bench`: every speed we claim, measured here and now."""

import argparse
import asyncio
import json
import platform
from dataclasses import asdict

import apsw

from bench.ledger import measure


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--small", action="store_true", help="a smoke test: short, and its figures mean nothing")
    measures = asyncio.run(measure(small=parser.parse_args().small))
    print(f"Python {platform.python_version()}, SQLite {apsw.sqlite_lib_version()}, apsw {apsw.apsw_version()}\n")
    print("| measured | figure | target | reached | |\n| --- | --- | --- | --- | --- |")
    for one in measures:
        print(one.line())
    print(json.dumps({"bench": "ledger", "figures": [asdict(one) for one in measures]}, ensure_ascii=False))


if __name__ == "__main__":
    main()
