"""Households' sign-ins at Resy: what opens it for them, and the restaurants they mean, locked in the home.

Nothing of it is ever in a request's arguments, a draft or the ledger: those name the household, and the connector looks
the sign-in up at the moment of the call.
"""

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, Field

from haloop.connectors.profiles import Profiles


class Venue(BaseModel):
    """A restaurant, by the name people call it and the number Resy gives it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str = Field(min_length=1, max_length=200)
    id: int = Field(ge=1)

    @classmethod
    def of(cls, words: str) -> "Venue":
        """Read `NAME=NUMBER`; ValueError for anything else."""
        name, _, number = words.rpartition("=")
        return cls(name=name, id=int(number))


class ResyLogin(BaseModel):
    """One household's."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    api_key: str = Field(repr=False, pattern=r'^[^\s"\\]+$')
    token: str = Field(repr=False, pattern=r"^\S+$")
    venues: tuple[Venue, ...]
    """Where this household eats; without a place any of them is meant."""

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f'ResyAPI api_key="{self.api_key}"', "X-Resy-Auth-Token": self.token}

    def with_venues(self, venues: Iterable[Venue]) -> "ResyLogin":
        """The same with more restaurants; a name that was known has its new number."""
        known = {one.name: one for one in (*self.venues, *venues)}
        return self.model_copy(update={"venues": tuple(known.values())})

    def named(self, place: str | None) -> list[Venue]:
        """The restaurants that a name means; all of them without one."""
        said = (place or "").casefold()
        return [one for one in self.venues if said in one.name.casefold() or one.name.casefold() in said]


class ResyLogins:
    """All that a home keeps of one site: Resy itself, or the town's likeness of it, and never one's for the other."""

    def __init__(self, profiles: Profiles, site: str) -> None:
        self._profiles = profiles
        self._site = site

    def read(self, household: str) -> ResyLogin | None:
        """A household's; nothing where nobody has signed it in."""
        kept = self._profiles.read(household, self._site)
        return None if kept is None else ResyLogin.model_validate_json(kept)

    def keep(self, household: str, login: ResyLogin) -> None:
        """From now on this household is signed in by this."""
        with self._profiles.held(household, self._site) as profile:
            profile.keep(login.model_dump_json())
