"""What an operator may set, and what not."""

import pytest

from aisle.errors import ServeError
from aisle.serve.options import ServeOptions


def test_it_listens_on_loopback_and_fetches_nothing():
    options = ServeOptions()
    assert (options.host, options.allow_photo_urls, options.trusted_proxy) == ("127.0.0.1", False, None)
    assert options.max_body == 12 * 1024 * 1024


@pytest.mark.parametrize("name", ["max_body", "max_parts", "request_seconds", "ip_rate", "queue_size", "concurrency"])
@pytest.mark.parametrize("value", [0, -1])
def test_no_limit_can_be_put_off(name, value):
    with pytest.raises(ServeError, match=name):
        ServeOptions(**{name: value})


@pytest.mark.parametrize("proxy", ["", "proxy.example", "10.0.0.1:80", "10.0.0.0/99"])
def test_a_proxy_that_is_no_address(proxy):
    with pytest.raises(ServeError, match="trusted proxy"):
        ServeOptions(trusted_proxy=proxy)


@pytest.mark.parametrize("proxy", ["10.0.0.1", "10.0.0.7/8", "::1"])
def test_a_proxy_that_is_one(proxy):
    assert ServeOptions(trusted_proxy=proxy).trusted_proxy == proxy
