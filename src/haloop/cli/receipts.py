"""`haloop receipts`: the files that prove what a run did, from the running Haloop."""

import re
from pathlib import Path
from shlex import quote

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.naming import run_named, short
from haloop.cli.new_file import new_file
from haloop.cli.reaching import reach
from haloop.client import Client
from haloop.settings import Settings
from haloop.wire.receipts import ReceiptOut


@click.command()
@click.argument("run", metavar="RUN")
@click.option("--out", type=click.Path(path_type=Path), metavar="FOLDER", help="Write the files there.")
@answering
def receipts(settings: Settings, run: str, out: Path | None) -> Answer:
    """Show what RUN has receipts for; with --out, write each to a file that a stranger can check.

    The stranger needs the file, tools/verify_receipt.py and the account's key: give them the key by another way.
    """
    return reach(settings, lambda client: _receipts(client, run, out))


async def _receipts(client: Client, name: str, out: Path | None) -> Answer:
    run = await run_named(client, name)
    found, key = await client.receipts(run), await client.verifier_key()
    files = [_file_name(receipt) if out is None else str(out / _file_name(receipt)) for receipt in found]
    if out is not None:
        for receipt, file in zip(found, files, strict=True):
            await _fetch(client, receipt, Path(file))
    written = "written to" if out is not None else "would be"
    return Answer(
        lines=[
            *(f"{receipt.effect}: {written} {file}" for receipt, file in zip(found, files, strict=True)),
            *(["A stranger checks with:"] if files else ["Nothing happened in it that has a receipt."]),
            *(f"  python3 tools/verify_receipt.py {quote(file)} --key {quote(key)}" for file in files),
            *(["next: write them with --out FOLDER"] if found and out is None else []),
        ],
        document={
            "key": key,
            "receipts": [
                {"effect": receipt.effect, "file": None if out is None else file, "gate": receipt.gate}
                for receipt, file in zip(found, files, strict=True)
            ],
            "run": run,
        },
    )


async def _fetch(client: Client, receipt: ReceiptOut, file: Path) -> None:
    body = await client.receipt_file(receipt)
    file.parent.mkdir(parents=True, exist_ok=True)
    with new_file(file) as opened:
        opened.write(body)


def _file_name(receipt: ReceiptOut) -> str:
    gate = short(receipt.gate).replace("_", "-")
    return f"receipt-{gate}-{re.sub(r'[^A-Za-z0-9_-]', '-', receipt.effect)}.json"
