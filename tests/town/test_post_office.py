"""The town's post office takes mail as any server does, sends none, and keeps it where it can be read."""

import asyncio
from email import message_from_bytes
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import httpx2
import pytest

from haloop.connectors.mail.smtp import SmtpMail
from haloop.outward import practice_mail
from haloop.town.post_office import MESSAGE_BYTES_MAX, PostOffice
from tests.connectors.mail.test_smtp import ANA, NOTICE
from tests.test_served_logs import serving


async def test_what_is_sent_lies_there_as_it_was_sent(tmp_path: Path) -> None:
    """Each message is a file, in order, also after the town was opened anew; a line of dots is a line of dots."""
    for subject in ("one", "two"):
        async with PostOffice.opened(tmp_path / "mail") as office:
            message = EmailMessage()
            message["From"], message["To"], message["Subject"] = "haloop@town.example", ANA, subject
            message.set_content("...\n.\nthe end\n")
            await SmtpMail(practice_mail(office.port)).send(ANA, message)

    files = sorted((tmp_path / "mail").iterdir())
    kept = [message_from_bytes(one.read_bytes()) for one in files]
    assert [one.name for one in files] == ["000001.eml", "000002.eml"]
    assert [one["Subject"] for one in kept] == ["one", "two"]
    assert str(kept[0].get_payload()).splitlines() == ["...", ".", "the end"]


async def test_a_message_without_recipients_or_measure_is_refused() -> None:
    """And nothing of it is kept; what nobody knows is answered, not obeyed."""
    async with PostOffice.opened() as office:
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=office.port, use_tls=False, start_tls=False)
        async with client:
            await client.ehlo()
            codes = [(await client.execute_command(word)).code for word in (b"DATA", b"VRFY ana", b"NOOP")]
            with pytest.raises(aiosmtplib.SMTPResponseException):
                await client.sendmail("haloop@town.example", [ANA], b"x" * 70 + (b"\r\n" + b"y" * 70) * 200_000)

    assert (codes, office.taken) == ([503, 502, 250], [])
    assert MESSAGE_BYTES_MAX < 200_000 * 72


async def test_practice_shows_the_mail_that_would_go_out(tmp_path: Path) -> None:
    """With mail.host set to the town, a notice is told as ever, and lies in the home."""
    process = await serving(tmp_path, HALOOP_MAIL_HOST="town")
    assert process.stdout is not None
    async with asyncio.timeout(120):
        address = (await process.stdout.readline()).decode().partition("/?key=")[0]
        headers = {"Authorization": f"Bearer {(tmp_path / 'home' / 'token').read_text()}"}
        async with httpx2.AsyncClient(base_url=address, headers=headers, timeout=60, trust_env=False) as me:
            wanted = (await me.put("/api/me/notices", json={"address": ANA, "mail": True})).json()
            (tried,) = (await me.post("/api/me/notices/test")).json()
        process.terminate()
        await process.communicate()

    (file,) = (tmp_path / "home" / "town" / "mail").iterdir()
    assert (wanted["by_mail"], wanted["write_to"], tried["told"]) == (True, None, True)
    assert message_from_bytes(file.read_bytes())["To"] == ANA
    assert NOTICE.title.encode() not in file.read_bytes()
