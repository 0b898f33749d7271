"""`haloop notices`: how you are told that something waits for you or went wrong."""

import re
from collections.abc import Mapping

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.reaching import reach
from haloop.cli.telling import moment
from haloop.client import Client
from haloop.kernel.canonical import Canonical
from haloop.kernel.errors import BadInput, Exit
from haloop.settings import Settings
from haloop.wire.notices import NoticesOut, TriedOut

_NOBODY = "off"


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Answer with one JSON document.")
@click.pass_context
def notices(context: click.Context, as_json: bool) -> None:  # noqa: FBT001
    """Show how you are told what waits for you and what went wrong, say how you want it, or try it.

    A message says that something waits, and where. It never says what, and it never holds a link that answers.
    """
    if context.invoked_subcommand is None:
        context.invoke(shown, as_json=as_json)
    elif as_json:
        raise click.UsageError("--json stands behind the command.", context)


@notices.command("show")
@answering
def shown(settings: Settings) -> Answer:
    """Show it; the same as haloop notices alone."""
    return reach(settings, _show)


@notices.command("set")
@click.option("--mail", help="The address that mail goes to; off takes it out.")
@click.option("--push", type=click.Choice(["on", "off"]), help="Whether your devices are told.")
@click.option("--zone", help="Your time zone, such as Europe/Berlin.")
@click.option("--quiet", metavar="FROM-TO", help="The hours of quiet, such as 22:00-07:00; off for none.")
@click.option("--digest", metavar="TIME", help="When the daily digest comes by mail, such as 08:00; off for none.")
@answering
def change(
    settings: Settings,
    mail: str | None,
    push: str | None,
    zone: str | None,
    quiet: str | None,
    digest: str | None,
) -> Answer:
    """Say how you want to be told; what you do not name stays as it is."""
    said: dict[str, object] = {
        **({} if mail is None else {"address": _unless_off(mail), "mail": mail != _NOBODY}),
        **({} if push is None else {"push": push == "on"}),
        **({} if zone is None else {"zone": zone}),
        **({} if quiet is None else _hours(quiet)),
        **({} if digest is None else {"digest_at": _unless_off(digest)}),
    }
    return reach(settings, lambda client: _set(client, said))


@notices.command("off")
@answering
def off(settings: Settings) -> Answer:
    """Be told nothing any more. The address is taken out; nothing that waits for you is answered by that."""
    said = {"address": "", "mail": False, "push": False, "digest_at": ""}
    return reach(settings, lambda client: _set(client, said))


@notices.command("test")
@answering
def try_out(settings: Settings) -> Answer:
    """Have a message sent to you now, every way you want to be told, and say what happened."""
    return reach(settings, _try)


@notices.command("forget")
@click.argument("device", metavar="DEVICE")
@answering
def forget(settings: Settings, device: str) -> Answer:
    """Tell DEVICE no more; nothing is kept of it."""
    return reach(settings, lambda client: _forget(client, device))


async def _show(client: Client) -> Answer:
    known, devices = await client.notices(), await client.devices()
    told = (await client.status()).telling
    lines = _lines(known, [f"{one.id} ({one.service}, since {moment(one.added_at)})" for one in devices.devices])
    if told.problem:
        lines.append(f"not told         {told.late} late, {told.given_up} given up: {told.problem}")
    document: dict[str, Canonical] = {
        "devices": [one.model_dump() for one in devices.devices],
        "notices": known.model_dump(),
        "telling": told.model_dump(),
    }
    return Answer(lines=lines, document=document)


async def _set(client: Client, said: Mapping[str, object]) -> Answer:
    before = (await client.notices()).wanted
    known = await client.set_notices(before.model_validate({**before.model_dump(), **said}))
    next_step = ["next: try it with haloop notices test"] if known.wanted.mail and known.by_mail else []
    return Answer(lines=[*_lines(known, None), *next_step], document={"notices": known.model_dump()})


async def _try(client: Client) -> Answer:
    tried = await client.try_notices()
    is_told = bool(tried) and all(one.told for one in tried)
    return Answer(
        lines=[line for one in tried for line in _tried(one)]
        or ["You want to be told nothing, so nothing was sent.", "next: haloop notices set --mail you@example.org"],
        document={"tried": [one.model_dump() for one in tried]},
        exit=Exit.OK if is_told else Exit.REFUSED,
    )


async def _forget(client: Client, device: str) -> Answer:
    await client.remove_device(device)
    return Answer(lines=[f"Device {device} is forgotten."], document={"forgotten": device})


def _lines(known: NoticesOut, devices: list[str] | None) -> list[str]:
    wanted = known.wanted
    mail = wanted.address if wanted.mail else "no"
    unset = "" if known.by_mail or not wanted.mail else "; but no mail server is set, see mail.host"
    quiet = f"{wanted.quiet_from} to {wanted.quiet_to}" if wanted.quiet_from else "no"
    lines = [
        f"by mail          {mail}{unset}",
        f"on your devices  {'yes' if wanted.push else 'no'}",
        f"time zone        {wanted.zone}",
        f"quiet hours      {quiet}",
        f"daily digest     {wanted.digest_at or 'no'}",
    ]
    if known.write_to:
        lines.append(f"ask by mail      write from {wanted.address} to {known.write_to}; tell nobody")
    if devices is not None:
        lines += [f"device           {one}" for one in devices]
    return lines


def _tried(one: TriedOut) -> list[str]:
    way = "by mail" if one.device is None else f"to device {one.device}"
    if one.told:
        return [f"Sent {way}. {one.sentence} {one.next_step}"]
    return [f"Not told {way}: {one.sentence}", f"next: {one.next_step}"]


def _unless_off(said: str) -> str:
    return "" if said == _NOBODY else said


def _hours(said: str) -> dict[str, object]:
    if said == _NOBODY:
        return {"quiet_from": "", "quiet_to": ""}
    found = re.fullmatch(r"(\d{2}:\d{2})-(\d{2}:\d{2})", said, re.ASCII)
    if found is None:
        raise BadInput("Hours of quiet are given as 22:00-07:00, or off.", code="usage.bad")
    return {"quiet_from": found[1], "quiet_to": found[2]}
