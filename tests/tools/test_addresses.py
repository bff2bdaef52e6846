"""Where a request of a model's may go: what is listed, and of that only what is public."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.errors import BadRequest, Unavailable
from fireside.tools.addresses import checked, is_listed, is_public, place_of


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.9.10", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254",
        "0.0.0.0", "100.64.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
        "192.0.2.1", "198.18.0.1", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "2002:a00:1::", "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe", "2001:0:7f00:1::80ff:fffe", "2001:db8::1", "localhost", "", "1.2.3",
    ],
)  # fmt: skip
def test_what_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "64:ff9b::808:808"]
)
def test_what_is(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(v=4))
def test_an_address_inside_another_counts_as_itself(inner: ipaddress.IPv4Address) -> None:
    number = int(inner)
    carried = [
        f"::ffff:{inner}",
        str(ipaddress.IPv6Address((0x2002 << 112) | (number << 80))),
        str(ipaddress.IPv6Address((0x64FF9B << 96) | number)),
    ]
    assert {is_public(each) for each in carried} == {is_public(str(inner))}


@pytest.mark.parametrize(
    "url",
    ["ftp://example.org/", "file:///etc/passwd", "gopher://example.org", "javascript:alert(1)",
     "example.org", "http://", "http://user:pw@example.org/", "http://example.org:99999/",
     "http://exa mple.org/", "http://example.org\\@evil.org/", "http://[::1", "x" * 3000,
     "http://example.org/\r\nX: y", "http://" + "a" * 70 + ".org/", "data:text/html,x"],
)  # fmt: skip
def test_what_is_no_web_address(url: str) -> None:
    with pytest.raises(BadRequest, match="url: "):
        place_of(url)


@given(st.text(max_size=60), st.sampled_from(["", "http://", "https://a.org/", "http://a.org:"]))
def test_any_text_is_an_address_or_one_clear_line(text: str, before: str) -> None:
    try:
        place = place_of(before + text)
    except BadRequest as error:
        told = error.message
    else:
        told = ""
        assert place.host.isascii()
        assert place.path.isascii()
        assert place.path.startswith("/")
        assert not set(place.path) & set("\r\n ")
    assert "\n" not in told


@pytest.mark.parametrize(
    ("url", "listed"),
    [
        ("http://example.org/a", True),
        ("https://EXAMPLE.org./a", True),
        ("https://example.org:8443/", False),
        ("https://www.example.org/", False),
        ("https://a.b.example.net/", True),
        ("https://example.net/", False),
        ("https://evilexample.net/", False),
        ("https://example.org.evil.com/", False),
        ("https://example.com:8443/", True),
        ("https://example.com/", False),
        ("https://bücher.example/", True),
    ],
)
def test_the_list(url: str, listed: bool) -> None:
    hosts = ["example.org", "*.Example.net", "example.com:8443", "xn--bcher-kva.example"]
    assert is_listed(place_of(url), hosts) is listed


def test_one_address_that_is_not_public_is_enough() -> None:
    place = place_of("http://example.org/")

    def check(*addresses: str) -> str:
        return checked(place, ["example.org"], resolve=lambda *_: addresses, public=is_public)

    assert check("8.8.8.8", "2606:4700::1111") == "8.8.8.8"
    with pytest.raises(BadRequest, match="not public"):
        check("8.8.8.8", "10.0.0.1")
    with pytest.raises(Unavailable, match="no address"):
        check()
    with pytest.raises(BadRequest, match="not on the list"):
        checked(place, [], resolve=lambda *_: ["8.8.8.8"], public=is_public)
