"""Photos from addresses that strangers name: nothing inside is reached, nothing lasts, nothing is told."""

import asyncio
import socket

import pytest

from aisle.serve.problems import Problem
from aisle.serve.security.addresses import is_public
from aisle.serve.security.photo_url import Network, fetch_photo, read_url

from .photo_server import PNG, PUBLIC, answer, fetch, refused


@pytest.mark.parametrize("body", [PNG, b"\xff\xd8\xff" + bytes(99), b"GIF89a" + bytes(9), b"RIFF1234WEBPVP8 "])
def test_a_photo_is_fetched(body):
    found, seen = fetch(answer(body))
    assert found == body
    assert seen.connected == [(PUBLIC, 80)]


def test_what_is_asked_names_the_host_and_wants_no_compression():
    _, seen = fetch(answer(), url="http://user.example:443/a%20b/é.png?x=1&y=%2F#part")
    lines = seen.requests[0].split("\r\n")
    assert lines[0] == "GET /a%20b/%C3%A9.png?x=1&y=%2F HTTP/1.1"
    headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
    assert headers["host"] == "user.example:443"
    assert headers["accept-encoding"] == "identity"
    assert not {"cookie", "authorization", "referer"} & headers.keys()


def test_a_file_in_chunks_or_without_a_length_is_fetched():
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (PNG[:5], PNG[5:20], PNG[20:])) + b"0\r\n\r\n"
    assert fetch(answer(chunks, length=False, Transfer_Encoding="chunked"))[0] == PNG
    assert fetch(answer(length=False))[0] == PNG


@pytest.mark.parametrize(
    "url",
    [
        *"""
        ftp://shop.example/a.png file:///etc/passwd gopher://shop.example/ //shop.example/a.png shop.example/a.png
        data:image/png;base64,AAAA javascript:alert(1) http:// http:///a.png http://shop.example:22/ http://a.example:8080/
        http://shop.example:0/ http://shop.example:99999/ http://shop.example:x/ http://me@shop.example/
        http://me:pass@shop.example/ http://@shop.example/ http://shop.example\\@127.0.0.1/ http://[::1%25eth0]/
        http://shop.example%00.inside/ http://sh_op..example%2f/ http://[::1/ http://a.b,c/ http://*/
        """.split(),  # noqa: SIM905 - a table
        "",
        " http://shop.example/",
        "http://shop.example/\r\nX: 1",
        "http://sh op/",
        "http://a/\x00",
        "http://a/" + "x" * 3000,
    ],
)
def test_an_address_that_is_none_is_refused_before_anything_is_looked_up(url):
    found, seen = fetch(answer(), url=url)
    assert refused(found)
    assert seen.looked_up == seen.connected == []


LITERALS = """
    0.0.0.0 127.0.0.1 169.254.169.254 10.1.2.3 192.0.0.8 224.0.0.1 [::] [::1] [::ffff:127.0.0.1] [::ffff:a9fe:a9fe]
    [::127.0.0.1] [64:ff9b::7f00:1] [2002:7f00:1::] [2001:0:1::1] [fd00:ec2::254] [fe80::1] [ff02::1]
    2130706433 0x7f000001 0x7f.1 017700000001 0177.0.0.1 127.1 127.0.0.1. 0
    """.split()  # noqa: SIM905 - a table


@pytest.mark.parametrize("host", LITERALS)
def test_the_inside_is_not_reached_however_it_is_written(host):
    """The system's own resolver reads these: decimal, octal and short forms among them."""
    connected = []

    async def connect(address, target):
        connected.append(address)
        raise AssertionError(address)

    with pytest.raises(Problem) as caught:
        asyncio.run(fetch_photo(f"http://{host}/", max_bytes=99, network=Network(connect=connect)))
    assert refused(caught.value)
    assert connected == []


def test_a_name_with_one_inner_address_among_public_ones_is_refused():
    async def resolve(host, port):
        return [PUBLIC, "10.0.0.1"]

    found, seen = fetch(answer(), change=lambda network, _: Network(resolve=resolve, connect=network.connect))
    assert refused(found)
    assert seen.connected == []


def test_a_name_that_changes_its_mind_is_looked_up_once_and_the_judged_address_is_spoken_to():
    answers = [[PUBLIC], ["127.0.0.1"]]

    async def resolve(host, port):
        return answers.pop(0)

    found, seen = fetch(answer(), change=lambda network, _: Network(resolve=resolve, connect=network.connect))
    assert found == PNG
    assert seen.connected == [(PUBLIC, 80)]
    assert len(answers) == 1


def test_the_real_connection_goes_to_the_address_and_not_to_the_name(monkeypatch):
    """No other look-up happens behind the one that was judged; proxies of the environment do not matter."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    opened = []

    async def open_connection(host, port, **options):
        opened.append((host, port, options.get("server_hostname"), bool(options.get("ssl"))))
        raise OSError("no network here")

    async def resolve(host, port):
        return [PUBLIC, "2606:4700::1111"]

    monkeypatch.setattr(asyncio, "open_connection", open_connection)
    for url in ("http://shop.example/", "https://shop.example/"):
        with pytest.raises(Problem):
            asyncio.run(fetch_photo(url, max_bytes=99, network=Network(resolve=resolve)))
    assert opened == [
        (PUBLIC, 80, None, False),
        ("2606:4700::1111", 80, None, False),
        (PUBLIC, 443, "shop.example", True),
        ("2606:4700::1111", 443, "shop.example", True),
    ]


def test_redirects_are_followed_twice_and_each_is_judged():
    away = answer(b"", status="302 Found", Location="/b.png")
    further = answer(b"", status="307 Temporary Redirect", Location="https://other.example/c.png")
    found, seen = fetch(away, further, answer())
    assert found == PNG
    assert seen.looked_up == ["shop.example", "shop.example", "other.example"]
    assert seen.connected == [(PUBLIC, 80), (PUBLIC, 80), (PUBLIC, 443)]
    found, seen = fetch(away, away, away, answer())
    assert refused(found)
    assert len(seen.connected) == 3


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/",
        "//127.0.0.1/",
        "http://[::ffff:10.0.0.1]/",
        "http://shop.example:6379/",
        "file:///etc/passwd",
        "http://me@shop.example/",
        "http://shop.example/\x01",
    ],
)
def test_a_redirect_to_the_inside_is_refused(location):
    found, seen = fetch(answer(b"", status="301 Moved Permanently", Location=location), answer())
    assert refused(found)
    assert len(seen.connected) == 1


def test_whatever_goes_wrong_the_sentence_is_the_same():
    async def resolve(host, port):
        raise socket.gaierror("no such name")

    async def connect(address, target):
        raise ConnectionRefusedError

    told = {
        fetch(answer(b"<html>secret</html>"))[0].detail,
        fetch(answer(status="500 Broken"))[0].detail,
        fetch(answer(), url="http://127.0.0.1/")[0].detail,
        fetch(answer(b"", status="302 Found", Location="http://10.0.0.1/"))[0].detail,
        fetch(change=lambda network, _: Network(resolve=resolve))[0].detail,
        fetch(change=lambda network, _: Network(resolve=network.resolve, connect=connect))[0].detail,
        fetch(answer(), url="ftp://a/")[0].detail,
    }
    assert len(told) == 1
    assert "secret" not in told.pop()


def test_the_judge_of_the_real_network_is_the_strict_one():
    assert Network().judge is is_public


def test_a_name_of_another_script_is_asked_for_as_the_network_writes_it():
    assert read_url("http://BÜCHER.example/").host == "xn--bcher-kva.example"
