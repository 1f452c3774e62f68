"""Only what is known to be public is."""

import pytest

from aisle.serve.security.addresses import is_public

INSIDE = """
0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.100.100.200 127.0.0.1 127.255.255.254 169.254.169.254 172.16.0.1 172.31.255.255
192.0.0.8 192.0.0.9 192.0.0.192 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 198.51.100.1 203.0.113.9 224.0.0.1
239.255.255.250 232.1.1.1 240.0.0.1 255.255.255.255 168.63.129.16
:: ::1 ::ffff:127.0.0.1 ::ffff:169.254.169.254 ::ffff:7f00:1 ::127.0.0.1 ::10.0.0.1 64:ff9b::7f00:1 64:ff9b::10.0.0.1
64:ff9b:1::1 64:ff9b:1::8.8.8.8 100::1 2001::1 2001:0:7f00:1:0:0:80ff:fffe 2001:db8::1 2001:10::1 2001:20::1
2002:7f00:1:: 2002:a9fe:a9fe::1 2002:c0a8:101::1 3fff::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1 fe80::1%eth0 fec0::1
ff02::1 ff0e::1 2606:4700::5efe:127.0.0.1 2606:4700::200:5efe:10.0.0.1 2606:4700::1%eth0
""".split()  # noqa: SIM905 - a table


@pytest.mark.parametrize("address", INSIDE)
def test_what_is_not_public_is_refused(address):
    assert not is_public(address)


@pytest.mark.parametrize(
    "text", ["", "localhost", "example.com", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "١٢٧.0.0.1"]
)
def test_what_is_no_plain_address_is_refused(text):
    assert not is_public(text)


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "1.1.1.1",
        "93.184.215.14",
        "2606:4700::1111",
        "2a00:1450:4007::1",
        "64:ff9b::8.8.8.8",
        "2002:808:808::1",
    ],
)
def test_what_is_public_is_not(address):
    assert is_public(address)
