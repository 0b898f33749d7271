"""What the missions desk does."""

from haloop.desks.missions.mission import mission
from haloop.kernel.desk import Desk

MISSIONS = Desk("missions", procedures=[mission])
