"""How people are told that something waits for them or went wrong: by mail and on their devices, each as they want."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Path

from haloop.api.asking import ByPerson, In
from haloop.api.house import House
from haloop.api.once import Keyed
from haloop.api.rates import caller_limited
from haloop.identity import Caller
from haloop.kernel.clock import as_text
from haloop.kernel.notice import Preferences
from haloop.kernel.passkey import base64url, from_base64url
from haloop.kernel.people import Role
from haloop.notices.telling import Tried
from haloop.ports.notifier import Channel, Device
from haloop.store.notices import KnownDevice
from haloop.wire.notices import DeviceOut, DevicesOut, NoticesOut, NoticesWanted, Subscription, TriedOut

router = APIRouter(tags=["notices"], route_class=Keyed)

DeviceName = Annotated[str, Path(pattern="^[0-9a-f]{16}$")]


@router.get("/api/me/notices")
async def show_notices(house: In, caller: ByPerson) -> NoticesOut:
    """How you want to be told."""
    return await _out(house, caller)


@router.put("/api/me/notices")
async def set_notices(house: In, caller: ByPerson, wanted: NoticesWanted) -> NoticesOut:
    """Say how you want to be told, from now on. Without an address nothing is kept of where mail went before."""
    await house.telling.prefer(caller.account, caller.require_person(), Preferences(**wanted.model_dump()))
    return await _out(house, caller)


@router.post("/api/me/notices/test", dependencies=[Depends(caller_limited(lambda rates: rates.trials))])
async def try_notices(house: In, caller: ByPerson) -> list[TriedOut]:
    """Tell you something now, every way you want to be told, and say how that went."""
    return [_tried(one) for one in await house.telling.try_out(caller.account, caller.require_person())]


@router.get("/api/devices/push")
async def list_devices(house: In, caller: ByPerson) -> DevicesOut:
    """Your devices, and the key that a browser subscribes with."""
    devices = await house.telling.devices(caller.account, caller.require_person())
    return DevicesOut(
        application_server_key=base64url(house.telling.ways.push.public_key),
        devices=[_device(one) for one in devices],
    )


@router.post("/api/devices/push", status_code=201)
async def add_device(house: In, caller: ByPerson, subscription: Subscription) -> DeviceOut:
    """Be told on this device too, as its browser subscribed it, or on in the place of one whose browser did so anew.

    The same subscription again is the same device.
    """
    whose = caller.account, caller.require_person()
    device = Device(
        endpoint=subscription.endpoint,
        p256dh=from_base64url(subscription.keys.p256dh),
        auth=from_base64url(subscription.keys.auth),
    )
    if subscription.instead_of is not None:
        return _device(await house.telling.renew_device(*whose, device, instead_of=subscription.instead_of))
    return _device(await house.telling.add_device(*whose, device))


@router.delete("/api/devices/push/{device}", status_code=204)
async def remove_device(house: In, caller: ByPerson, device: DeviceName) -> None:
    """Be told on this device no more; nothing is kept of it."""
    await house.telling.remove_device(caller.account, caller.require_person(), device)


async def _out(house: House, caller: Caller) -> NoticesOut:
    known = await house.telling.preferences(caller.account, caller.require_person())
    return NoticesOut(
        wanted=NoticesWanted(
            address=known.address,
            mail=known.mail,
            push=known.push,
            zone=known.zone,
            quiet_from=known.quiet_from,
            quiet_to=known.quiet_to,
            digest_at=known.digest_at,
        ),
        by_mail=house.telling.ways.mail is not None,
        write_to=_write_to(house, caller, known),
    )


def _write_to(house: House, caller: Caller, known: Preferences) -> str | None:
    """Where they ask by mail, from the address they are told at; an agent's words and a looker's begin nothing."""
    if house.writes_to is None or not known.address or not caller.roles & {Role.OWNER, Role.APPROVER}:
        return None
    return house.writes_to.address(caller.account, caller.require_person(), known.address)


def _device(known: KnownDevice) -> DeviceOut:
    service = urlsplit(known.device.endpoint).hostname or ""
    return DeviceOut(id=known.id, service=service, added_at=as_text(known.added_at))


def _tried(tried: Tried) -> TriedOut:
    problem = tried.problem
    return TriedOut(
        channel=Channel.PUSH if tried.device else Channel.MAIL,
        device=tried.device or None,
        told=problem is None,
        code=problem.code if problem else "",
        sentence=problem.sentence if problem else "It was taken.",
        next_step=problem.next_step if problem else "Look whether it arrived.",
    )
