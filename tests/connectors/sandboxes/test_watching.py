"""How a folder is watched, together with what else a program holds and by itself."""

import asyncio
from datetime import timedelta
from pathlib import Path

from haloop.connectors.sandboxes.watching import exceeded, exceeded_with
from haloop.ports.sandboxes import End, Limits, Work
from tests.connectors.sandboxes.outside import SECONDS_MAX

MEGABYTE = 1 << 20


def work_in(folder: Path, *, folder_bytes: int) -> Work:
    limits = Limits(folder_bytes=folder_bytes, time=timedelta(seconds=SECONDS_MAX))
    return Work(name="one", labels={}, command=("true",), folder=folder, limits=limits)


async def test_a_file_that_is_given_its_name_while_we_look_counts_once(tmp_path: Path) -> None:
    """It was without a name when the processes were looked at, and has one when the folder is: nobody is ended."""
    work = work_in(tmp_path, folder_bytes=MEGABYTE)
    looks = asyncio.Queue[None]()
    loop = asyncio.get_running_loop()
    figures = iter([MEGABYTE // 2])

    def held() -> float:
        (tmp_path / "named").write_bytes(bytes(MEGABYTE * 3 // 4))
        loop.call_soon_threadsafe(looks.put_nowait, None)
        return next(figures, 0)

    watch = asyncio.create_task(exceeded_with(work, held))
    async with asyncio.timeout(SECONDS_MAX):
        for _ in range(3):
            await looks.get()

    assert not watch.done()
    watch.cancel()


async def test_both_together_are_too_much(tmp_path: Path) -> None:
    """Each of the two has room, and both have not."""
    (tmp_path / "named").write_bytes(bytes(MEGABYTE * 3 // 4))

    async with asyncio.timeout(SECONDS_MAX):
        end = await exceeded_with(work_in(tmp_path, folder_bytes=MEGABYTE), lambda: MEGABYTE // 2)

    assert end is End.OUT_OF_ROOM


async def test_a_slow_look_at_processes_leaves_the_folder_watched(tmp_path: Path) -> None:
    """While one look takes all the time there is, a folder that is filled is seen."""
    work = work_in(tmp_path, folder_bytes=MEGABYTE)
    began, over = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow() -> float:
        loop.call_soon_threadsafe(began.set)
        asyncio.run_coroutine_threadsafe(over.wait(), loop).result()
        return 0

    watches = [asyncio.create_task(one) for one in (exceeded(work), exceeded_with(work, slow))]
    async with asyncio.timeout(SECONDS_MAX):
        await began.wait()
        (tmp_path / "large").write_bytes(bytes(2 * MEGABYTE))
        assert await watches[0] is End.OUT_OF_ROOM

    assert not watches[1].done()
    over.set()
    watches[1].cancel()
