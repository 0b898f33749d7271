"""What the errands desk does."""

from haloop.desks.errands.book_table import book_table
from haloop.kernel.desk import Desk

ERRANDS = Desk("errands", procedures=[book_table])
