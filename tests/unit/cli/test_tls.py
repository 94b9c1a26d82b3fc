"""What commands say of the server's own TLS."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.certificates import DAY, NOW, Authority, Files, issue, new_key, pem, pem_of_key, put
from support.command import CommandLine
from whiteroom.cli.tls import about, about_tls, own_certificate
from whiteroom.domain.execution.runs import Finding
from whiteroom.settings import Settings
from whiteroom.web.openmetrics import exposition


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return issue(Authority(), tmp_path, "room.example.org", "127.0.0.1")


def settings(files: Files, **others: str) -> Settings:
    return Settings(data=files.cert.parent / "data", tls_cert=str(files.cert), tls_key=str(files.key), **others)  # type: ignore[arg-type]


def finding(chosen: Settings) -> Finding:
    (found,) = about_tls(chosen)
    return found


def test_a_certificate_that_members_accept_is_well_and_told_with_its_names_and_end(files: Files) -> None:
    for chosen in (settings(files), settings(files, public_url="https://room.example.org:8443")):
        found = finding(chosen)
        assert found.ok
        assert "for room.example.org, 127.0.0.1, valid until" in found.detail
        assert f"{NOW + 89 * DAY:%Y-%m-%d}" in found.detail


def test_a_certificate_for_another_name_than_members_are_told_is_not(files: Files) -> None:
    found = finding(settings(files, public_url="https://other.example.org"))
    assert not found.ok
    assert "it is not for other.example.org: set public_url" in found.remedy


@pytest.mark.parametrize(
    ("begins", "ends", "told"), [(-90, -1, "expired"), (1, 90, "is valid from"), (-88, 2, "expires")]
)
def test_a_certificate_whose_time_is_not_now_is_not(files: Files, begins: int, ends: int, told: str) -> None:
    issue(Authority(), files.cert.parent, "127.0.0.1", begins_at=NOW + begins * DAY, ends_at=NOW + ends * DAY)
    found = finding(settings(files))
    assert not found.ok
    assert told in found.remedy


def test_a_chain_that_is_out_of_order_is_not(tmp_path: Path) -> None:
    authority, key = Authority(), new_key()
    files = Files(tmp_path / "cert.pem", tmp_path / "key.pem")
    put(files.cert, pem(authority.signed("127.0.0.1", key=key), Authority("Another").certificate), 0o644)
    put(files.key, pem_of_key(key), 0o600)
    assert "put them in order" in finding(settings(files)).remedy


def test_doctor_names_a_certificate_that_no_server_starts_with(cli: CommandLine, files: Files) -> None:
    cli.data.mkdir(mode=0o700)
    (cli.data / "whiteroom.toml").write_text(f'tls_cert = "{files.cert}"\ntls_key = "{files.key}"\n')
    files.key.chmod(0o644)
    found = next(one for one in cli("doctor", "--json").json["findings"] if one["name"] == "TLS")
    assert not found["ok"]
    assert "has the mode 644" in found["detail"]
    answer = cli("up")
    assert answer.code == 1
    assert "has the mode 644" in answer.err


def test_members_rows_in_plain_text_are_told_where_the_address_is_not_this_machines(tmp_path: Path) -> None:
    def told(**chosen: str) -> list[Finding]:
        return list(about_tls(Settings(data=tmp_path, **chosen)))  # type: ignore[arg-type]

    assert told() == []
    assert told(host="0.0.0.0", public_url="https://room.example.org") == []
    (found,) = told(host="0.0.0.0")
    assert found.ok
    assert "NONE: on 0.0.0.0, requests and answers cross the network in plain text." in found.detail


def test_a_profile_that_is_printed_while_no_server_runs_has_https(cli: CommandLine, files: Files) -> None:
    cli.data.mkdir()
    (cli.data / "whiteroom.toml").write_text(f'tls_cert = "{files.cert}"\ntls_key = "{files.key}"\nport = 8443\n')
    assert cli("accounts", "add", "111111111111", "--json").json["endpointUrl"] == "https://127.0.0.1:8443"


def test_prometheus_reads_when_the_certificate_in_use_ends(files: Files, tmp_path: Path) -> None:
    with own_certificate(settings(files)) as certificate:
        text = exposition(about(certificate)).decode()
    assert f"\nwhiteroom_certificate_end_seconds {int((NOW + 89 * DAY).timestamp())}\n" in text
    with own_certificate(Settings(data=tmp_path)) as certificate:
        assert certificate is None
        assert about(certificate) == ()
