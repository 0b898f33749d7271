"""A recipe: one shop, described as data, so that another shop is another file and not other code.

It says where the shop's pages are, how to recognise that one has come whole, where on it something is read, and what is
clicked and filled in between. Selectors are CSS, with what Playwright adds to it (`:has-text("…")`). The folder
`recipes` has three; docs/shops.md says how to write one.
"""

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from haloop.kernel.errors import BadInput
from haloop.ports.storefront import Obstacle

Selector = Annotated[str, Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Reads(_Part):
    """Where something is read, below the row or page that it belongs to."""

    at: str = ""
    """Empty: the row itself."""
    attribute: str = ""
    """Its text, where no attribute is named."""
    pattern: str = ""
    """A regular expression; what its one group matches counts."""
    optional: bool = False
    """The shop does not always say it."""


class Step(_Part):
    """One thing to do on the way; exactly one of the first five says what."""

    go: str = ""
    """Open a page, by its path."""
    click: str = ""
    fill: str = ""
    choose: str = ""
    """Choose an option by its label."""
    see: str = ""
    """Wait until this is to be seen."""
    value: str = ""
    """What is filled in or chosen; here and above {product}, {name}, {quantity} and {household} are replaced."""
    only_if: str = ""
    """Only where this is to be seen."""
    times: str = "1"
    """How often, such as {quantity} where each click puts one more into the basket."""
    stays: bool = False
    """The click leads to no other page."""

    @property
    def leads_on(self) -> bool:
        """Another page is there after it, and has come by then."""
        return bool(self.go or (self.click and not self.stays))

    @model_validator(mode="after")
    def _does_one_thing(self) -> Self:
        if sum(map(bool, (self.go, self.click, self.fill, self.choose, self.see))) != 1:
            raise ValueError("a step does exactly one thing: go, click, fill, choose or see")
        return self


class Amounts(_Part):
    """How the shop writes money."""

    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    signs: tuple[Selector, ...]
    """One of these stands before or behind each amount."""
    decimal: Annotated[str, Field(pattern=r"^[.,]$")] = "."
    grouping: str = ","
    free: tuple[str, ...] = ()
    """Words for nothing, such as "Free"."""


class Lines(_Part):
    """Rows of goods."""

    each: Selector
    name: Reads
    quantity: Reads | None = None
    """One, where the shop never says it."""
    product: Reads | None = None
    """The address of the product's page."""
    price: Reads | None = None
    """Of one."""
    total: Reads | None = None
    """Of the row; where it is not said, the price times the quantity."""


class Walls(_Part):
    """What is seen where a person is needed."""

    sign_in: Selector
    captcha: str = ""
    second_factor: str = ""

    @property
    def known(self) -> dict[Obstacle, str]:
        """Those that the shop has, the one that counts where more are seen first."""
        every = {
            Obstacle.CAPTCHA: self.captcha,
            Obstacle.SECOND_FACTOR: self.second_factor,
            Obstacle.SIGN_IN: self.sign_in,
        }
        return {obstacle: selector for obstacle, selector in every.items() if selector}


class History(_Part):
    """What was ordered before, the newest first."""

    go: Selector
    ready: Selector
    each: Selector
    number: Reads
    placed: Reads | None = None
    total: Reads | None = None
    details: Reads | None = None
    """The address of the page with an order's lines, where they are not on this one."""
    details_ready: str = ""
    lines: Lines
    orders_max: Annotated[int, Field(ge=1, le=20)] = 6


class Basket(_Part):
    """What will be ordered."""

    go: Selector
    ready: Selector
    each: Selector
    empty: tuple[Step, ...]
    """Take one row out, or all of them, from the basket's page on; done until there is none."""
    add: tuple[Step, ...]
    """Put {quantity} of {product} in; where the history has no addresses of products, look for {name}."""
    sold_out: str = ""
    """Seen where a product cannot be had."""


class ReviewPage(_Part):
    """The last page before an order."""

    steps: tuple[Step, ...]
    """The way there, which leaves the basket as it is."""
    ready: Selector
    lines: Lines
    delivery: Reads | None = None
    total: Reads
    deliver_to: Reads | None = None
    arrives: Reads | None = None


class Placing(_Part):
    """Ordering what the review shows."""

    click: Selector
    done: Selector
    """Seen only where an order has been placed."""
    number: Reads
    charged: Reads | None = None
    refused: str = ""
    """Seen only where the shop says that it took no order."""


class Recipe(_Part):
    """One shop."""

    name: Annotated[str, Field(pattern="^[a-z][a-z0-9-]{0,30}$")]
    shop: Selector
    """What people call it, and whom they pay."""
    notice: str = ""
    """What whoever switches it on has to know."""
    address: str = ""
    """Where it is; empty where the settings say it."""
    hosts: tuple[str, ...] = ()
    """The other hosts that its pages are made of; `*.` in front stands for any below."""
    home: Selector = "/"
    """Where a person signs in."""
    amounts: Amounts
    walls: Walls
    banners: tuple[Selector, ...] = ()
    """Clicked away wherever they are seen."""
    enter: tuple[Step, ...] = ()
    """How a household signs in that needs no secret for it; elsewhere a person does."""
    history: History
    basket: Basket
    review: ReviewPage
    placing: Placing


SHIPPED = files("haloop.connectors.storefront") / "recipes"


def read_recipe(name: str) -> Recipe:
    """A recipe that ships, by its name, or one of your own, by the path of its file."""
    own = Path(name).expanduser()
    try:
        text = own.read_text("utf-8") if own.suffix == ".toml" else (SHIPPED / f"{name}.toml").read_text("utf-8")
        return Recipe.model_validate(tomllib.loads(text))
    except OSError as error:
        known = ", ".join(sorted(one.name.removesuffix(".toml") for one in SHIPPED.iterdir()))
        raise _bad(name, f"there is no such recipe; there are {known}") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise _bad(name, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    except ValueError as error:
        raise _bad(name, str(error)) from error


def _bad(name: str, reason: str) -> BadInput:
    return BadInput(
        f"The recipe {name!r} cannot be used: {reason}.",
        code="shop.recipe",
        next_step="Correct it; docs/shops.md says what a recipe holds.",
    )
