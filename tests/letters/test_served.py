"""A served Haloop takes letters up, also one that was killed in the middle of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from haloop.connectors.mail.smtp import Security
from haloop.kernel.errors import BadInput
from haloop.outward import Outward
from haloop.settings import Settings
from tests.connectors.mail.dovecot import ADDRESS, MX, PASSWORD, Dovecot, dovecot, letter
from tests.notices.post import Post, letter_text, post_office
from tests.test_served_logs import serving

DINNER = "Book dinner at Zum Anker tomorrow at 7pm for 2"
NEEDED = ("letters.user", "letters.password_file", "letters.checked_by", "mail.host", "mail.from")


def settings(folder: Path, server: Dovecot, post: Post) -> dict[str, str]:
    """What somebody sets who wants to be asked by mail, here in plain words on this machine."""
    box = server.mailbox(Security.NONE)
    (folder / "password").write_text(PASSWORD)
    return {
        "HALOOP_MAIL_HOST": "127.0.0.1",
        "HALOOP_MAIL_PORT": str(post.port),
        "HALOOP_MAIL_SECURITY": "none",
        "HALOOP_MAIL_FROM": ADDRESS,
        "HALOOP_LETTERS_HOST": box.host,
        "HALOOP_LETTERS_PORT": str(box.port),
        "HALOOP_LETTERS_SECURITY": "none",
        "HALOOP_LETTERS_USER": box.user,
        "HALOOP_LETTERS_PASSWORD_FILE": str(folder / "password"),
        "HALOOP_LETTERS_CHECKED_BY": MX,
    }


async def test_a_letter_is_taken_once_though_the_process_is_killed(tmp_path: Path) -> None:
    """kill -9 while its answer is on its way: after the next start one run, one answer, and the mailbox answers."""
    with dovecot() as server:
        async with post_office() as post, asyncio.timeout(240):
            await server.started()
            environment = settings(tmp_path, server, post)
            async with started(tmp_path, environment) as (process, me):
                wanted = {"address": "ana@example.org", "mail": True}
                said = (await me.put("/api/me/notices", json=wanted)).json()
                key = said["write_to"].partition("+")[2].partition("@")[0]
                post.dozes = True
                server.deliver(letter(DINNER, key=key))
                while not await _runs(me):  # noqa: ASYNC110  # nothing else says so
                    await asyncio.sleep(0.1)
                process.kill()
            post.dozes = False
            async with started(tmp_path, environment) as (process, me):
                while not _answers(post):  # noqa: ASYNC110  # the same
                    await asyncio.sleep(0.1)
                connectors = (await me.get("/api/connectors")).json()
                runs = await _runs(me)
                process.terminate()

    assert said["write_to"].endswith("@house.example")
    assert [(one["words"], one["through"]) for one in runs] == [([DINNER], "mail")]
    (answer,) = _answers(post)
    assert "open?draft_id=gate_" in answer
    (box,) = [one for one in connectors if one["port"] == "Letterbox"]
    assert (box["name"], box["health"], box["account"]) == ("mail", "answers", ADDRESS)
    log = (tmp_path / "home" / "logs" / "haloop.log").read_text()
    assert "letter taken" in log
    assert not [word for word in ("ana@", "Anker", key, PASSWORD) if word in log]


@pytest.mark.parametrize("missing", NEEDED)
async def test_half_a_mailbox_is_refused_before_anything_begins(tmp_path: Path, missing: str) -> None:
    """What is not set is named; nothing starts on a guess."""
    (tmp_path / "password").write_text(PASSWORD)
    values: dict[str, Any] = {
        "letters_user": "haloop",
        "letters_password_file": tmp_path / "password",
        "letters_checked_by": MX,
        "mail_host": "127.0.0.1",
        "mail_from": ADDRESS,
    }
    del values[missing.replace(".", "_")]
    wanted = Settings(home=tmp_path, state=tmp_path, letters_host="127.0.0.1", **values)

    with pytest.raises(BadInput, match=missing):
        Outward.read(wanted)


@asynccontextmanager
async def started(
    folder: Path, environment: dict[str, str]
) -> AsyncIterator[tuple[asyncio.subprocess.Process, httpx2.AsyncClient]]:
    """A served home, and a client of its owner's; it has ended when the block has."""
    process = await serving(folder, **environment)
    assert process.stdout is not None
    address = (await process.stdout.readline()).decode().partition("/?key=")[0]
    headers = {"Authorization": f"Bearer {(folder / 'home' / 'token').read_text()}"}
    try:
        async with httpx2.AsyncClient(base_url=address, headers=headers, timeout=60, trust_env=False) as me:
            yield process, me
    except BaseException:
        process.kill()
        raise
    finally:
        await process.communicate()


async def _runs(me: httpx2.AsyncClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await me.get("/api/runs")).json()["runs"]
    return found


def _answers(post: Post) -> list[str]:
    """What was answered; notices that something waits go out beside it."""
    return [letter_text(one) for one in post.letters if one["In-Reply-To"]]
