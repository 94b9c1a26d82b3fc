"""Which addresses only this machine reaches."""

from __future__ import annotations

import pytest

from whiteroom.base.addresses import is_loopback, require_mail_address, require_origin


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_loopback_is_this_machines_alone(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["", "0.0.0.0", "::", "192.0.2.1", "::ffff:192.0.2.1", "localhost.example", "127.0.0.1.example"]
)
def test_nothing_else_is(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize("url", ["https://room.example.org", "http://10.0.0.5:8080", "http://[::1]:1", "https://a"])
def test_an_origin_is_a_scheme_a_host_and_perhaps_a_port(url: str) -> None:
    require_origin(url)


@pytest.mark.parametrize(
    "url",
    [
        "room.example.org", "ftp://a", "https://", "https://a/", "https://a/room", "https://a?b", "https://a#b",
        "https://u@a", "https://u:p@a", "https://a:0", "https://a:65536", "https://a:b", "https://a b", "https://a\n",
        "HTTPS://a", " https://a", "https://ä",
    ],
)  # fmt: skip
def test_nothing_else_is_an_origin(url: str) -> None:
    with pytest.raises(ValueError, match="is not like https://"):
        require_origin(url)


@pytest.mark.parametrize("address", ["a@b", "ann.o'neil+room@mail.hospital.example.org", "x_1@example.org"])
def test_an_address_of_e_mail_is_a_name_and_a_domain(address: str) -> None:
    require_mail_address(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a",
        "@b",
        "a@",
        "a@b c",
        "a@b\n",
        "a@b\nBcc: c@d",
        "a@b, c@d",
        "Ann <a@b>",
        "a@b>",
        "a@-b",
        "a@b-",
        "ä@b",
        "a@ä",
    ],
)
def test_nothing_else_is_an_address_of_e_mail(address: str) -> None:
    with pytest.raises(ValueError, match="not an address of e-mail"):
        require_mail_address(address)
