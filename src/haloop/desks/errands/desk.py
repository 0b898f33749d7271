"""What the errands desk does, and what it hears."""

from haloop.desks.errands.book_table import book_table
from haloop.desks.errands.hearing import BookingHearing
from haloop.kernel.desk import Desk

ERRANDS = Desk("errands", procedures=[book_table], hearing=BookingHearing())
