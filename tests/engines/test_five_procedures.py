"""The five procedures that the API must make natural, each run for real. Every story is told three times: once as
it is, once with the process stopped and started before each answer, and once after each; it reads the same."""

from datetime import timedelta
from pathlib import Path

import pytest

from haloop.kernel.gate import Answer, GateStatus
from haloop.kernel.money import Money
from haloop.testing.practice import Practice
from haloop.testing.provider import Trouble
from tests.engines.procedures import booking, checkout, coach, mission, reorder

STEP_AND_GATE = ["run.started", "step.done", "gate.opened"]
BOUGHT = ["effect.intended", "effect.happened", "run.ended"]


class StoppedBeforeEachAnswer(Practice):
    """The process ends while people still think."""

    async def say(self, answer: Answer) -> GateStatus:
        await self.restart()
        return await super().say(answer)


class StoppedAfterEachAnswer(Practice):
    """The process ends as soon as an answer is durable, whatever should follow from it."""

    async def say(self, answer: Answer) -> GateStatus:
        status = await self.engine.decide(self.account, answer)
        await self.restart()
        await self.engine.settled()
        return status


@pytest.fixture(params=[Practice, StoppedBeforeEachAnswer, StoppedAfterEachAnswer])
def house(request: pytest.FixtureRequest) -> type[Practice]:
    """The same house, with and without a stopped process around each answer."""
    kind: type[Practice] = request.param
    return kind


async def test_a_table_is_booked_once_after_a_yes(house: type[Practice], tmp_path: Path) -> None:
    """Somebody asks for a table, says yes to it, and it is reserved once."""
    inn = booking.Restaurant()
    async with house.opened(tmp_path, desks=[booking.ERRANDS], connectors=[booking.restaurant(inn)]) as home:
        ana = await home.person("Ana")
        run = await home.start(booking.book_table.of(booking.TableWish(place="Luigi", party=2)))

        await home.yes(run, ana)

        assert (await home.ended(run)).reason == "It happened."
        assert await home.kinds(run) == [*STEP_AND_GATE, "gate.approved", *BOUGHT]
        assert list(inn.provider.done.values()) == [1]


async def test_a_table_nobody_wants_is_not_booked(house: type[Practice], tmp_path: Path) -> None:
    """A no ends the run with its reason, and the restaurant never hears of it."""
    inn = booking.Restaurant()
    async with house.opened(tmp_path, desks=[booking.ERRANDS], connectors=[booking.restaurant(inn)]) as home:
        ana = await home.person("Ana")
        run = await home.start(booking.book_table.of(booking.TableWish(place="Luigi", party=2)))

        await home.no(run, ana, "Too loud there.")

        assert (await home.ended(run)).reason == "Too loud there."
        assert await home.kinds(run) == [*STEP_AND_GATE, "gate.refused", "run.ended"]
        assert not inn.provider.requests


async def test_a_table_nobody_answers_for_is_not_booked(tmp_path: Path) -> None:
    """No answer within the gate's time means no."""
    inn = booking.Restaurant()
    async with Practice.opened(tmp_path, desks=[booking.ERRANDS], connectors=[booking.restaurant(inn)]) as home:
        await home.person("Ana")
        run = await home.start(booking.book_table.of(booking.TableWish(place="Luigi", party=2)))

        await home.move(timedelta(days=7))

        assert (await home.ended(run)).code == "expired"
        assert not inn.provider.requests


async def test_a_changed_quantity_is_quoted_anew_before_it_is_bought(house: type[Practice], tmp_path: Path) -> None:
    """A person changes a quantity, the shop quotes it, and only the new basket can be approved."""
    shop = reorder.Shop({"coffee": 800, "filters": 300})
    async with house.opened(tmp_path, desks=[reorder.SHOPPING], connectors=[reorder.storefront(shop)]) as home:
        ana = await home.person("Ana")
        run = await home.start(reorder.reorder.of("Rossi"))

        await home.change(run, ana, {"of": {"coffee": 3}})
        shown = await home.view(home.gate_of(run))
        await home.yes(run, ana)

        assert isinstance(shown.draft, reorder.Basket)
        assert (shown.gate.revision, shown.draft.total.minor) == (2, 2700)
        assert await home.kinds(run) == [
            *STEP_AND_GATE,
            "gate.changing",
            "step.done",
            "gate.revised",
            "gate.approved",
            *BOUGHT,
        ]
        assert shop.sold == [2700]


async def test_a_price_that_moved_after_the_yes_is_shown_again(house: type[Practice], tmp_path: Path) -> None:
    """The shop asks more than was approved: nothing is bought until somebody has said yes to the new price."""
    shop = reorder.Shop({"coffee": 800})
    async with house.opened(tmp_path, desks=[reorder.SHOPPING], connectors=[reorder.storefront(shop)]) as home:
        ana = await home.person("Ana")
        run = await home.start(reorder.reorder.of("Rossi"))
        shop.prices["coffee"] = 900

        await home.yes(run, ana)
        shown = await home.view(home.gate_of(run))
        await home.yes(run, ana)

        assert isinstance(shown.draft, reorder.Basket)
        assert (shown.draft.was, shown.draft.total) == (
            Money(minor=800, currency="EUR"),
            Money(minor=900, currency="EUR"),
        )
        assert await home.kinds(run) == [
            *STEP_AND_GATE,
            "gate.approved",
            "effect.intended",
            "effect.not_done",
            "gate.opened",
            "gate.approved",
            *BOUGHT,
        ]
        assert shop.sold == [900]


async def test_a_mission_goes_through_its_eight_steps(house: type[Practice], tmp_path: Path) -> None:
    """Four stages, each worked on and approved; a question is answered on the way, and only the last yes acts."""
    agent, repository = mission.ScriptedAgent(), mission.Repository()
    connectors = mission.workshop(agent, repository)
    async with house.opened(tmp_path, desks=[mission.MISSIONS], connectors=connectors) as home:
        ana = await home.person("Ana")
        run = await home.start(mission.feature.of(mission.Artifact(text="wish")))

        await home.yes(run, ana)
        await home.change(run, ana, "blue")
        await home.yes(run, ana)
        await home.yes(run, ana)
        await home.yes(run, ana)
        await home.yes(run, ana)

        assert await home.kinds(run) == [
            *[*STEP_AND_GATE, "gate.approved"],
            *["step.done", "gate.opened", "gate.changing", "gate.revised", "gate.approved"],
            *["step.done", "gate.opened", "gate.approved"] * 3,
            *BOUGHT,
        ]
        assert repository.pushed == ["wish>understand>plan blue>build>publish"]


async def test_a_mission_goes_back_to_the_stage_that_somebody_names(house: type[Practice], tmp_path: Path) -> None:
    """A no may name an earlier stage and a reason; the work goes on from there with the reason in hand."""
    agent, repository = mission.ScriptedAgent(), mission.Repository()
    connectors = mission.workshop(agent, repository)
    async with house.opened(tmp_path, desks=[mission.MISSIONS], connectors=connectors) as home:
        ana = await home.person("Ana")
        run = await home.start(mission.feature.of(mission.Artifact(text="wish")))
        await home.yes(run, ana)
        await home.change(run, ana, "blue")
        await home.yes(run, ana)
        await home.yes(run, ana)

        await home.no(run, ana, "not what was meant", back_to="understand")

        assert agent.heard[-1] == ("understand", "wish", (), "not what was meant")
        shown = (await home.view(home.gate_of(run))).draft
        assert isinstance(shown, mission.StageReview)
        assert shown.after.text == "wish>understand not what was meant"
        assert not repository.pushed


async def test_what_a_person_corrects_is_what_the_next_stage_gets(house: type[Practice], tmp_path: Path) -> None:
    """A person edits a stage's result; the next stage is given the person's words, not the agent's."""
    agent = mission.ScriptedAgent()
    connectors = mission.workshop(agent, mission.Repository())
    async with house.opened(tmp_path, desks=[mission.MISSIONS], connectors=connectors) as home:
        ana = await home.person("Ana")
        run = await home.start(mission.feature.of(mission.Artifact(text="wish")))

        await home.change(run, ana, {"text": "in my own words"})
        await home.yes(run, ana)

        assert agent.heard[-1] == ("plan", "in my own words", (), "")


CART = checkout.Cart(parts=tuple(checkout.Part(merchant=name, wanted="tea") for name in ("Adler", "Bär", "Chen")))


async def test_one_yes_buys_at_three_merchants(house: type[Practice], tmp_path: Path) -> None:
    """Three cards and three orders under one yes, each order paid with its own card."""
    merchants, bank = checkout.Merchants(), checkout.Bank()
    connectors = checkout.high_street(merchants, bank)
    async with house.opened(tmp_path, desks=[checkout.SHOPPING], connectors=connectors) as home:
        ana = await home.person("Ana")
        run = await home.start(checkout.checkout.of(CART))

        await home.yes(run, ana)

        assert (await home.ended(run)).code == "done"
        assert (await home.kinds(run)).count("effect.happened") == 6
        assert merchants.paid_with == {name: f"card for {name}" for name in ("Adler", "Bär", "Chen")}
        assert bank.open == ["Adler", "Bär", "Chen"]


async def test_one_uncertain_order_stops_no_other(house: type[Practice], tmp_path: Path) -> None:
    """One merchant hangs up in the middle: its order is named uncertain, the other two are bought."""
    merchants, bank = checkout.Merchants(), checkout.Bank()
    merchants.hangs_up = "Bär"
    connectors = checkout.high_street(merchants, bank)
    async with house.opened(tmp_path, desks=[checkout.SHOPPING], connectors=connectors) as home:
        ana = await home.person("Ana")
        run = await home.start(checkout.checkout.of(CART))

        await home.yes(run, ana)

        assert await home.uncertain(run) == ["lines.1.order"]
        assert list(merchants.paid_with) == ["Adler", "Chen"]
        assert "run.ended" not in await home.kinds(run)


async def test_a_card_whose_order_did_not_happen_is_closed(house: type[Practice], tmp_path: Path) -> None:
    """Once a person has found that the order never happened, its card is closed, as its draft said."""
    merchants, bank = checkout.Merchants(), checkout.Bank()
    merchants.hangs_up = "Bär"
    connectors = checkout.high_street(merchants, bank)
    async with house.opened(tmp_path, desks=[checkout.SHOPPING], connectors=connectors) as home:
        ana = await home.person("Ana")
        run = await home.start(checkout.checkout.of(CART))
        await home.yes(run, ana)

        await home.settle(run, ana, happened=False, sentence="Never came.")

        assert (await home.ended(run)).code == "done"
        assert bank.open == ["Adler", "Chen"]


async def test_a_card_that_is_declined_leaves_its_order_unsent(house: type[Practice], tmp_path: Path) -> None:
    """The bank says no to one card: nothing is ordered there, and nothing is left to undo."""
    merchants, bank = checkout.Merchants(), checkout.Bank()
    bank.provider.troubles.extend([Trouble.DECLINED])
    connectors = checkout.high_street(merchants, bank)
    async with house.opened(tmp_path, desks=[checkout.SHOPPING], connectors=connectors) as home:
        ana = await home.person("Ana")
        run = await home.start(checkout.checkout.of(CART))

        await home.yes(run, ana)

        assert [result["type"] for result in (await home.ended(run)).result] == ["not_done", "receipt", "receipt"]
        assert sorted(merchants.paid_with) == ["Bär", "Chen"]


async def test_a_night_keeps_its_insights_in_order_and_starts_its_proposals(tmp_path: Path) -> None:
    """A nightly run records what it noticed and ends; each hint waits in a run of its own."""
    async with Practice.opened(tmp_path, desks=[coach.COACHING], connectors=coach.desk_lamp()) as home:
        await home.person("Ana")

        night = await home.start(coach.nightly.of(coach.Home(name="Home")))

        assert (await home.ended(night)).code == "done"
        assert await home.kinds(night) == [
            *["run.started", "step.done", "step.done"],
            *["run.recorded", "run.recorded"],
            *["child.started", "child.started"],
            "run.ended",
        ]
        assert len(home.engine.open_gates(home.account)) == 2


async def test_a_night_that_is_interrupted_starts_each_proposal_once(tmp_path: Path) -> None:
    """The process stops as soon as the night has begun: afterwards the night is whole, and no proposal is doubled."""
    async with Practice.opened(tmp_path, desks=[coach.COACHING], connectors=coach.desk_lamp()) as home:
        await home.person("Ana")
        night = await home.engine.start(home.account, coach.nightly.of(coach.Home(name="Home")), by="schedule")

        await home.restart()
        await home.engine.settled()

        assert (await home.ended(night)).code == "done"
        assert len(home.engine.open_gates(home.account)) == 2


async def test_a_proposal_ends_with_what_the_household_says(house: type[Practice], tmp_path: Path) -> None:
    """A yes to a proposal without effects is remembered as wanted, and changes nothing else."""
    async with house.opened(tmp_path, desks=[coach.COACHING], connectors=coach.desk_lamp()) as home:
        ana = await home.person("Ana")
        hint = await home.start(coach.offer.of(coach.Hint(topic="reserve", sentence="Put some aside.")))

        await home.yes(hint, ana)

        assert (await home.ended(hint)).reason == "They want it."
        assert await home.kinds(hint) == ["run.started", "gate.opened", "gate.approved", "run.ended"]


async def test_a_proposal_is_open_for_a_fortnight(tmp_path: Path) -> None:
    """A proposal nobody answers is over after two weeks, also when the process was stopped meanwhile."""
    async with Practice.opened(tmp_path, desks=[coach.COACHING], connectors=coach.desk_lamp()) as home:
        await home.person("Ana")
        hint = await home.start(coach.offer.of(coach.Hint(topic="reserve", sentence="Put some aside.")))
        await home.move(timedelta(days=13))
        await home.restart()

        await home.move(timedelta(days=1))

        assert (await home.ended(hint)).code == "expired"
