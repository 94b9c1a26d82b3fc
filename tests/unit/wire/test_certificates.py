"""What is a certificate that a server can speak TLS with, and what is told of one that is not."""

from __future__ import annotations

import base64
import os
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from support.certificates import DAY, NOW, Authority, Files, issue, new_key, pem, pem_of_key, put
from whiteroom.wire.certificates import Certificate, CertificateUnusable, read_certificate


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def files(authority: Authority, tmp_path: Path) -> Files:
    return issue(authority, tmp_path, "room.example.org", "*.wild.example.org", "10.0.0.5", "fd00::5")


def read(files: Files) -> Certificate:
    return read_certificate(files.cert, files.key)


def refusal(files: Files) -> str:
    with pytest.raises(CertificateUnusable) as refused:
        read(files)
    return str(refused.value)


def test_a_pair_of_files_is_a_certificate_with_its_names_and_times(files: Files) -> None:
    found = read(files)
    assert found.names == ("room.example.org", "*.wild.example.org", "10.0.0.5", "fd00::5")
    assert (found.begins_at, found.ends_at) == (NOW - DAY, NOW + 89 * DAY)
    assert (found.chain_trouble, found.trouble(NOW)) == ("", "")


@pytest.mark.parametrize(
    ("host", "is_covered"),
    [
        ("room.example.org", True),
        ("ROOM.example.org", True),
        ("a.wild.example.org", True),
        ("a.b.wild.example.org", False),
        ("wild.example.org", False),
        ("example.org", False),
        ("10.0.0.5", True),
        ("10.0.0.6", False),
        ("fd00:0::5", True),
    ],
)
def test_it_covers_the_hosts_that_clients_take_it_for(files: Files, host: str, is_covered: bool) -> None:
    assert read(files).covers(host) is is_covered


def test_a_certificate_without_names_covers_no_host(authority: Authority, tmp_path: Path) -> None:
    assert not read(issue(authority, tmp_path)).covers("server")


@pytest.mark.parametrize("which", ["cert", "key"])
def test_a_file_that_is_missing_is_told_by_its_setting_and_path(files: Files, which: str) -> None:
    getattr(files, which).unlink()
    assert refusal(files) == f"tls_{which}: {getattr(files, which)} is not there."


@pytest.mark.parametrize("which", ["cert", "key"])
def test_a_file_that_cannot_be_read_is_told_with_who_tried(files: Files, which: str) -> None:
    path = getattr(files, which)
    path.unlink()
    path.symlink_to(path)
    assert f"tls_{which}: {path} cannot be read by user {os.geteuid()}: Too many levels" in refusal(files)


@pytest.mark.parametrize("which", ["cert", "key"])
def test_what_is_no_file_is_refused_at_once(files: Files, which: str) -> None:
    path = getattr(files, which)
    path.unlink()
    os.mkfifo(path, 0o600)
    assert refusal(files) == f"tls_{which}: {path} is no file."


@pytest.mark.parametrize("which", ["cert", "key"])
def test_what_is_far_too_large_is_not_read(files: Files, which: str) -> None:
    path = getattr(files, which)
    os.truncate(path, 10**12)
    assert "larger than 1,000,000 bytes" in refusal(files)


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o601, 0o620, 0o644, 0o666])
def test_a_key_that_others_may_read_or_change_is_refused(files: Files, mode: int) -> None:
    files.key.chmod(mode)
    assert refusal(files) == (
        f"tls_key: {files.key} has the mode {mode:o}, so others may read or change it: chmod 600 {files.key}, or 640 "
        "for a group of the server's."
    )


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640, 0o440])
def test_a_key_that_the_servers_user_or_group_may_read_is_taken(files: Files, mode: int) -> None:
    files.key.chmod(mode)
    assert read(files)


def test_a_key_behind_a_link_is_held_to_its_own_mode(files: Files, tmp_path: Path) -> None:
    """ACME clients keep links to the newest files."""
    link = tmp_path / "live.pem"
    link.symlink_to(files.key)
    assert read_certificate(files.cert, link)
    files.key.chmod(0o644)
    with pytest.raises(CertificateUnusable, match="has the mode 644"):
        read_certificate(files.cert, link)


def test_a_key_of_another_certificate_is_refused(authority: Authority, files: Files) -> None:
    put(files.key, pem_of_key(new_key()), 0o600)
    assert f"{files.key} is not the key of the first certificate in {files.cert}" in refusal(files)


def test_a_chain_before_its_certificate_is_refused(authority: Authority, files: Files) -> None:
    put(files.cert, pem(authority.certificate) + files.cert.read_bytes(), 0o644)
    assert "comes first in it, then its chain" in refusal(files)


def test_a_key_under_a_password_is_refused_with_what_takes_it_off(authority: Authority, files: Files) -> None:
    key = new_key()
    put(files.cert, pem(authority.signed("a.example.org", key=key)), 0o644)
    put(files.key, pem_of_key(key, b"secret"), 0o600)
    assert f"{files.key} is protected by a password" in refusal(files)
    assert "openssl pkey" in refusal(files)


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 100, b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_what_is_no_certificate_is_refused(files: Files, content: bytes) -> None:
    put(files.cert, content, 0o644)
    assert refusal(files).startswith(f"tls_cert: {files.cert} is no certificate in PEM.")


@pytest.mark.parametrize("place", ["first", "second"])
def test_a_certificate_with_any_of_its_bytes_wrong_is_read_or_refused(files: Files, place: str) -> None:
    """Whatever is wrong with it: a number of its version, a kind of key that nobody knows, a point on no curve."""
    content = files.cert.read_bytes()
    whole = x509.load_pem_x509_certificate(content).public_bytes(Encoding.DER)
    refused = 0
    for number in range(len(whole)):
        wrong = bytearray(whole)
        wrong[number] ^= 1
        text = b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(wrong) + b"-----END CERTIFICATE-----\n"
        put(files.cert, text if place == "first" else content + text, 0o644)
        try:
            read(files)
        except CertificateUnusable:
            refused += 1
    assert refused > 0


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 100, b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_what_is_no_key_is_refused(files: Files, content: bytes) -> None:
    put(files.key, content, 0o600)
    assert refusal(files) == f"tls_key: {files.key} is no private key in PEM."


def test_a_key_that_is_too_weak_is_refused(authority: Authority, files: Files) -> None:
    weak = rsa.generate_private_key(public_exponent=65_537, key_size=1024)
    put(files.cert, pem(authority.signed("a.example.org", key=weak)), 0o644)
    put(files.key, pem_of_key(weak), 0o600)
    assert refusal(files) == f"tls_cert: {files.cert} cannot be used: ee key too small."


def test_a_chain_is_sent_whole_and_one_that_is_out_of_order_is_told(authority: Authority, tmp_path: Path) -> None:
    middle = Authority("Between", issuer=authority)
    files = issue(middle, tmp_path, "a.example.org")
    leaf = files.cert.read_bytes()
    put(files.cert, leaf + pem(middle.certificate, authority.certificate), 0o644)
    assert read(files).chain_trouble == ""
    put(files.cert, leaf + pem(authority.certificate, middle.certificate), 0o644)
    assert "Certificate 2 in the file has not issued the one before it" in read(files).chain_trouble


def test_its_time_is_told_when_it_is_over_has_not_begun_or_is_nearly_over(authority: Authority, tmp_path: Path) -> None:
    found = read(issue(authority, tmp_path, "a", begins_at=NOW, ends_at=NOW + 90 * DAY))
    assert "is valid from" in found.trouble(NOW - timedelta(seconds=1))
    assert found.trouble(NOW) == found.trouble(NOW + 81 * DAY) == ""
    assert "expires at" in found.trouble(NOW + 81 * DAY + timedelta(seconds=1))
    assert "It expired at" in found.trouble(NOW + 90 * DAY)
    assert f"{NOW + 90 * DAY:%Y-%m-%d %H:%M} UTC" in found.trouble(NOW + 90 * DAY)
