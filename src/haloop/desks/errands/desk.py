"""What the errands desk does, and what it hears."""

from haloop.desks.errands.book_table import book_table
from haloop.desks.errands.cancel_subscription import cancel_subscription
from haloop.desks.errands.cancel_table import cancel_table
from haloop.desks.errands.hearing import ErrandsHearing
from haloop.desks.errands.reorder import reorder
from haloop.desks.errands.usual import TableDefaults
from haloop.kernel.desk import Desk

ERRANDS = Desk(
    "errands",
    procedures=[book_table, cancel_table, cancel_subscription, reorder],
    hearing=ErrandsHearing(),
    defaults=TableDefaults,
)
