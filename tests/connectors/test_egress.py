"""The way out: where a call may go, what it connects to, and what may come back."""

import asyncio
import gzip
from pathlib import Path

import httpx2
import pytest

from haloop.connectors.egress import Blocked, TooMuch, Way, open_way, require_reachable
from haloop.kernel.errors import HaloopError
from tests.connectors.outside import OK, PUBLIC, Asked, Authority, Names, answering, read_request, serving

HOST = "push.example.org"
WAY = Way(purpose="a test", hosts=frozenset({HOST, "*.push.example.net"}), bytes_max=1_000, seconds_max=2.0)
URL = f"https://{HOST}/send/a-secret-path"

HOSTILE = [
    # other schemes, ports, spellings
    f"http://{HOST}/",
    f"https://{HOST}:8443/",
    f"https://{HOST}:80/",
    f"https://{HOST}:0/",
    f"https://{HOST}:65536/",
    f"ftp://{HOST}/",
    f"file://{HOST}/etc/passwd",
    "gopher://127.0.0.1:25/_HELO",
    "//push.example.org/",
    "push.example.org/",
    "",
    f"https://{HOST}\t/",
    f"https://{HOST}\r\nHost: elsewhere/",
    f"https://{HOST} /",
    # somebody else behind a known name
    f"https://{HOST}@elsewhere.example/",
    f"https://user:word@{HOST}/",
    f"https://elsewhere.example\\@{HOST}/",
    f"https://{HOST}.elsewhere.example/",
    f"https://evil-{HOST}/",
    f"https://not{HOST}/",
    "https://push.example.net/",
    "https://apush.example.net/",
    f"https://{HOST}%2eelsewhere.example/",
    "https://%70ush.example.org.elsewhere.example/",
    # this machine and its neighbours, in every spelling
    "https://localhost/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0177.0.0.1/",
    "https://0x7f.0.0.1/",
    "https://0x7f000001/",
    "https://①②⑦.0.0.1/",
    "https://ⓁⓄⒸⒶⓁⒽⓄⓈⓉ/",
    "https://0.0.0.0/",
    "https://0/",
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://100.64.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://224.0.0.1/",
    "https://255.255.255.255/",
    "https://[::]/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b:1::7f00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:0:7f00:1::]/",
    "https://[fe80::1%25eth0]/",
    "https://[fc00::1]/",
    "https://[fd00:ec2::254]/",
    "https://[ff02::1]/",
    "https://metadata.google.internal/",
    f"https://{PUBLIC}/",
]
NOT_PUBLIC = [
    *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.31.255.255", "192.168.0.1", "100.64.0.1"),
    *("169.254.169.254", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1"),
    *("240.0.0.1", "255.255.255.255"),
    *("::", "::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::10.0.0.1", "64:ff9b::a00:1", "64:ff9b:1::1"),
    *("2002:a00:1::", "2001:0:a00:1::", "2001:db8::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1"),
    *("100::1", "5f00::1", "3fff::1"),
]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.made(tmp_path, HOST, "eu.push.example.net")


@pytest.mark.parametrize("url", HOSTILE)
async def test_an_address_that_its_purpose_does_not_name_is_refused(url: str) -> None:
    """Nothing is looked up and nothing is connected to, whether it is only looked at or really called."""
    names = Names({}, port=9)

    with pytest.raises(Blocked):
        require_reachable(WAY, url)
    async with open_way(WAY, names.network()) as client:
        with pytest.raises((Blocked, httpx2.InvalidURL, httpx2.UnsupportedProtocol)):
            await client.post(url, content=b"x")

    assert (names.asked, names.connected) == ([], [])


@pytest.mark.parametrize("address", NOT_PUBLIC)
async def test_a_known_name_that_leads_to_no_public_place_is_refused(address: str) -> None:
    """Whatever the name's owner answers: this machine, its network, or a form that is carried there."""
    names = Names({HOST: [[address]]}, port=9)

    async with open_way(WAY, names.network()) as client:
        with pytest.raises(Blocked):
            await client.post(URL, content=b"x")

    assert (names.asked, names.connected) == ([HOST], [])


async def test_a_name_that_leads_to_both_is_refused_whole() -> None:
    """One private address among public ones is how a lookup is turned against whoever trusts it."""
    names = Names({HOST: [[PUBLIC, "192.168.0.1"]]}, port=9)

    async with open_way(WAY, names.network()) as client:
        with pytest.raises(Blocked):
            await client.get(URL)

    assert names.connected == []


async def test_the_connection_is_made_to_the_address_that_was_looked_at(authority: Authority) -> None:
    """A name is asked once; that it would answer differently the next time leads nowhere."""
    heard: list[Asked] = []
    async with serving(answering(OK, heard), tls=authority.server()) as port:
        names = Names({HOST: [[PUBLIC], ["127.0.0.1"]]}, port=port)
        async with open_way(WAY, names.network(authority.believed())) as client:
            first = await client.post(URL, content=b"x")
            with pytest.raises(Blocked):
                await client.post(URL, content=b"again")

    assert first.text == "ok"
    assert heard[0].headers["host"] == HOST
    assert names.asked == [HOST, HOST]
    assert names.connected == [(PUBLIC, 443)]


async def test_the_certificate_must_be_the_names(authority: Authority, tmp_path: Path) -> None:
    """Whoever has the address but not the name's certificate hears nothing."""
    heard: list[Asked] = []
    (tmp_path / "other").mkdir()
    other = Authority.made(tmp_path / "other", "somebody.example")
    for server, believed in ((other.server(), other.believed()), (authority.server(), other.believed())):
        async with serving(answering(OK, heard), tls=server) as port:
            names = Names({HOST: [[PUBLIC]]}, port=port)
            async with open_way(WAY, names.network(believed)) as client:
                with pytest.raises(httpx2.ConnectError):
                    await client.post(URL, content=b"x")

    assert heard == []


@pytest.mark.parametrize(("idle_for", "made"), [(60.0, 1), (0.0, 2)])
async def test_a_connection_that_was_idle_for_long_is_not_used_again(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, idle_for: float, made: int
) -> None:
    """Somebody on the way may have forgotten it without a word, and then nothing would ever come; one just used is."""
    monkeypatch.setattr("haloop.connectors.egress.SECONDS_IDLE", idle_for)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (await read_request(reader)).line:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async with serving(answer, tls=authority.server()) as port:
        names = Names({HOST: [[PUBLIC]]}, port=port)
        async with open_way(WAY, names.network(authority.believed())) as client:
            for _ in range(2):
                assert (await client.get(URL)).text == "ok"

    assert len(names.connected) == made


async def test_a_redirect_is_not_followed_and_leads_nowhere_else(authority: Authority) -> None:
    """It comes back as an answer; whoever asks for it to be followed is held to the same rules."""
    moved = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:4000/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    async with serving(answering(moved), tls=authority.server()) as port:
        names = Names({HOST: [[PUBLIC]]}, port=port)
        async with open_way(WAY, names.network(authority.believed())) as client:
            answer = await client.get(URL)
            with pytest.raises(Blocked):
                await client.get(URL, follow_redirects=True)

    assert answer.status_code == 302
    assert names.connected == [(PUBLIC, 443)] * 2


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 1001",
        b"Transfer-Encoding: chunked",
        b"Content-Length: 100\r\nContent-Encoding: gzip",
    ],
)
async def test_too_much_is_not_read(authority: Authority, head: bytes) -> None:
    """An answer that says it is too long, one that only becomes it, and one that grows as it is unpacked."""
    body = gzip.compress(b"0" * 50_000) if b"gzip" in head else b"3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n"
    answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + head + b"\r\n\r\n" + body
    heard: list[Asked] = []
    async with serving(answering(answer, heard), tls=authority.server()) as port:
        names = Names({HOST: [[PUBLIC]]}, port=port)
        async with open_way(WAY, names.network(authority.believed())) as client:
            with pytest.raises(TooMuch):
                await client.get(URL)

    assert heard[0].headers["accept-encoding"] == "identity"


async def test_what_drips_is_given_up(authority: Authority) -> None:
    """A server that sends a little again and again holds a call no longer than its purpose allows."""

    async def dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    way = Way(purpose="a test", hosts=frozenset({HOST}), seconds_max=0.4)
    async with serving(dripping, tls=authority.server()) as port:
        names = Names({HOST: [[PUBLIC]]}, port=port)
        async with open_way(way, names.network(authority.believed())) as client, asyncio.timeout(5):
            with pytest.raises(httpx2.ReadTimeout):
                await client.get(URL)


async def test_of_many_addresses_a_few_are_tried() -> None:
    """Whoever answers for a name cannot hold a call by naming hundreds of addresses where nobody is."""
    async with serving(answering(OK)) as port:
        nobody = port
    names = Names({HOST: [[f"93.184.215.{last}" for last in range(1, 200)]]}, port=nobody)

    async with open_way(WAY, names.network()) as client:
        with pytest.raises(httpx2.ConnectError):
            await client.get(URL)

    assert len(names.connected) == 3


async def test_a_place_of_this_machine_is_reached_only_by_its_whole_name() -> None:
    """The practice world's server is called as it is named; its neighbours on the same machine are not."""
    async with serving(answering(OK)) as port:
        way = Way(purpose="practice", near=frozenset({f"http://127.0.0.1:{port}"}))
        async with open_way(way) as client:
            answer = await client.get(f"http://127.0.0.1:{port}/anything")
            refused = [
                f"http://127.0.0.1:{port + 1}/",
                f"http://localhost:{port}/",
                f"https://127.0.0.1:{port}/",
                f"http://127.0.0.1:{port}@elsewhere.example/",
                f"http://0x7f000001:{port}/",
                URL,
            ]
            for url in refused:
                with pytest.raises(HaloopError):
                    await client.get(url)

    assert answer.text == "ok"


def test_a_way_near_names_the_loopback_interface() -> None:
    """Code cannot open a way into the network by mistake."""
    for wrong in ("http://192.168.0.1:80", "http://localhost:80", "http://127.0.0.1", "https://127.0.0.1:443"):
        with pytest.raises(AssertionError):
            Way(purpose="practice", near=frozenset({wrong}))


async def test_no_proxy_of_the_environment_is_used(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy would look the name up for itself."""
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with serving(answering(OK), tls=authority.server()) as port:
        names = Names({HOST: [[PUBLIC]]}, port=port)
        async with open_way(WAY, names.network(authority.believed())) as client:
            assert (await client.get(URL)).text == "ok"


async def test_a_refusal_does_not_repeat_the_address() -> None:
    """A subscription's address is a secret between two others; it must not stand in a log."""
    with pytest.raises(Blocked) as refused:
        require_reachable(WAY, "https://127.0.0.1/send/a-secret-path")

    assert "a-secret-path" not in refused.value.sentence
