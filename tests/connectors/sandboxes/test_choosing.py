"""Which provider is taken, and what is said where none is."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from haloop.connectors.sandboxes.bubblewrap import Bubblewrap
from haloop.connectors.sandboxes.choosing import NoSandboxes, Wanted, choosing, instance_of
from haloop.connectors.sandboxes.sweeping import remove_all, sweep
from haloop.ports.sandboxes import Left, NoSandbox, NotStarted
from tests.connectors.sandboxes import dockerd
from tests.connectors.sandboxes.conftest import require
from tests.connectors.sandboxes.outside import ENDLESS, Place


class Stubborn(NoSandboxes):
    """A provider that does not get rid of everything."""

    def __init__(self) -> None:
        super().__init__("It is only tried.")
        self.tried: list[str] = []

    async def left(self) -> Sequence[Left]:
        return [Left(id=name, name=name, labels={}, is_running=False) for name in ("not-now", "busy", "gone")]

    async def remove(self, name: str, /) -> None:
        self.tried.append(name)
        match name:
            case "not-now":
                raise NotStarted("The daemon does not answer.")
            case "busy":
                raise OSError(16, "busy")


def wanted(home: Path, provider: str, at: Path | None = None) -> Wanted:
    socket = at or home / "docker.sock"
    return Wanted(home=home, provider=provider, docker_socket=socket, docker_image=dockerd.OWN_TOOLS)


async def test_bubblewrap_comes_first(tmp_path: Path) -> None:
    """Where bubblewrap starts nobody is asked for a daemon, and looking left nothing behind."""
    require("bubblewrap")

    async with choosing(wanted(tmp_path, "auto")) as chosen:
        assert chosen.sandboxes.name == "bubblewrap"
        assert list(chosen.passed_over) == []
        assert await chosen.sandboxes.left() == []
    assert list(tmp_path.iterdir()) == []


async def test_docker_comes_next(tmp_path: Path, daemon: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where bubblewrap is not installed docker is taken, and why is said."""
    monkeypatch.setenv("PATH", str(tmp_path))

    async with choosing(wanted(tmp_path, "auto", daemon)) as chosen:
        assert chosen.sandboxes.name == "docker"
        assert [why.partition(":")[0] for why in chosen.passed_over] == ["bubblewrap"]


async def test_none_is_said_with_every_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where neither works it is refused, and each says why."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(NoSandbox, match=r"bubblewrap: .* docker: "):
        async with choosing(wanted(tmp_path, "auto")):
            pass


async def test_the_one_that_is_named_is_not_replaced(tmp_path: Path) -> None:
    """Whoever names docker gets no other where it does not answer."""
    with pytest.raises(NoSandbox) as refused:
        async with choosing(wanted(tmp_path, "docker")):
            pass

    assert "bubblewrap" not in refused.value.sentence


async def test_what_cannot_be_removed_keeps_nobody_from_starting(caplog: pytest.LogCaptureFixture) -> None:
    """Each leftover is tried, and it is said where one stays."""
    sandboxes = Stubborn()

    assert await remove_all(sandboxes) == 3

    assert sandboxes.tried == ["not-now", "busy", "gone"]
    assert len([record for record in caplog.records if record.message.endswith("is still there")]) == 2


async def test_what_another_provider_left_is_removed_too(tmp_path: Path, folder: Path, daemon: Path) -> None:
    """Where a home changes from docker to bubblewrap nothing is left at work in docker, nor the other way round."""
    require("bubblewrap")
    (folder / "in").mkdir()
    told = wanted(tmp_path, "bubblewrap", daemon)
    bubblewrap = Bubblewrap(tmp_path / "runtime" / "sandboxes", instance_of(tmp_path))
    async with choosing(replace(told, provider="docker")) as docker:
        contained = await Place(docker.sandboxes, folder / "in", dockerd.OWN_TOOLS).start(ENDLESS)
        async with choosing(told) as chosen:
            await sweep(told, chosen.sandboxes)
            assert await docker.sandboxes.left() == []
        await contained.over()

        walled = await Place(bubblewrap, folder).start(ENDLESS)
        await sweep(told, docker.sandboxes)
        assert await bubblewrap.left() == []
        await walled.over()


async def test_a_provider_that_does_not_answer_keeps_nobody_from_starting(tmp_path: Path) -> None:
    """A daemon that is there and says nothing we understand is passed over."""
    require("bubblewrap")
    async with await asyncio.start_unix_server(lambda _, writer: writer.close(), tmp_path / "docker.sock"):
        told = wanted(tmp_path, "bubblewrap")
        async with choosing(told) as chosen:
            await sweep(told, chosen.sandboxes)
    assert list(told.used) == ["bubblewrap", "docker"]


def test_two_homes_are_two_instances(tmp_path: Path) -> None:
    """A home and its copy beside it leave each other's alone; one home is the same by every way to it."""
    (tmp_path / "one").mkdir()
    (tmp_path / "link").symlink_to("one")

    assert instance_of(tmp_path / "one") == instance_of(tmp_path / "link")
    assert instance_of(tmp_path / "one") != instance_of(tmp_path / "two")
