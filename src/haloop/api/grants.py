"""Grants and budgets: what may be spent, how much of it is used up, and when it is free again."""

from datetime import timedelta

from fastapi import APIRouter, Depends

from haloop.api.asking import ByPerson, In, fresh
from haloop.kernel.clock import as_text
from haloop.kernel.spending import Usage
from haloop.wire.people import BudgetOut, GrantOut, Used

router = APIRouter(tags=["grants"])


@router.get("/api/grants")
async def list_grants(house: In, caller: ByPerson) -> list[GrantOut]:
    """The account's grants. One is given by asking for it: desk `grants`, procedure `give_grant`."""
    account, now = await house.engine.account(caller.account), house.engine.world.now()
    return [
        GrantOut(
            id=one.id,
            operations=sorted(one.operations),
            payees=sorted(one.payees),
            each_max=one.each_max,
            total_max=one.total_max,
            window_days=one.window.days,
            expires_at=as_text(one.expires_at),
            live=one.live,
            by=list(one.by),
            suspended=one.suspended,
            is_over=now >= one.expires_at,
            used=_used(account.usage(one, now), one.window),
        )
        for one in account.grants.values()
    ]


@router.delete("/api/grants/{grant}", status_code=204, dependencies=[Depends(fresh)])
async def revoke_grant(house: In, caller: ByPerson, grant: str) -> None:
    """Take a grant back at once, as an owner or whoever gave it."""
    await house.engine.revoke_grant(caller.account, grant, by=caller.require_person())


@router.get("/api/budgets")
async def list_budgets(house: In, caller: ByPerson) -> list[BudgetOut]:
    """The account's ceilings: they bind every yes, also one under a grant."""
    account, now = await house.engine.account(caller.account), house.engine.world.now()
    return [
        BudgetOut(amount=one.amount, window_days=one.window.days, used=_used(account.usage(one, now), one.window))
        for one in account.ceilings
    ]


def _used(usage: Usage, window: timedelta) -> Used:
    free = usage.free_again(window)
    return Used(
        spent=usage.spent,
        held=usage.held,
        left=usage.left,
        some_free_at=None if free is None else as_text(free[0]),
        all_free_at=None if free is None else as_text(free[1]),
    )
