from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from whiteroom.databases.connections import Connection
from whiteroom.databases.kinds import connection_document, connection_in, parse_any
from whiteroom.databases.snowflake.connections import SnowflakeConnection, parse_snowflake
from whiteroom.databases.snowflake.options import options

URL = "snowflake://reader@Acme_Org-Clinic?warehouse=SMALL&role=READING"


def pem(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, encryption: KeySerializationEncryption | None = None
) -> str:
    form = PrivateFormat.TraditionalOpenSSL if encryption is None else PrivateFormat.PKCS8
    return key.private_bytes(Encoding.PEM, form, encryption or NoEncryption()).decode()


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.mark.parametrize(
    ("url", "account", "host", "port"),
    [
        (URL, "acme-org-clinic", "acme-org-clinic.snowflakecomputing.com", 443),
        ("snowflake://u@xy123.us-east-1", "xy123.us-east-1", "xy123.us-east-1.snowflakecomputing.com", 443),
        ("snowflake://u@xy123.us-east-1.snowflakecomputing.com/", "xy123.us-east-1", None, 443),
        ("snowflake://u@xy123?host=xy123.privatelink.example.org", "xy123", "xy123.privatelink.example.org", 443),
        ("snowflake://u@xy123?host=127.0.0.1:8080", "xy123", "127.0.0.1", 8080),
    ],
)
def test_a_connection_leads_to_an_account_and_where_it_answers(
    url: str, account: str, host: str | None, port: int
) -> None:
    made = parse_snowflake(url, "p")
    assert (made.account, made.host, made.port) == (account, host or f"{account}.snowflakecomputing.com", port)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("snowflake://u:p@acme", "has a password in it"),
        ("snowflake://acme", "is not written as"),
        ("snowflake://u@", "is not written as"),
        ("snowflake://u@acme:1", "is not written as"),
        ("snowflake://u@acme/LAKE", "The database is named by tableReference"),
        ("snowflake://u@acme?sslmode=disable", "'sslmode' is not said"),
        ("snowflake://u@acme?host=a/b", "is no host"),
        ("snowflake://u@acme?host=a:99999", "is no host"),
        ("snowflake://u@acme?role=a%0Ab", "The role is none"),
    ],
)
def test_what_is_no_connection_is_refused(url: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parse_any(url, "hunter2")


def test_all_that_a_connection_says_reaches_the_driver(key: rsa.RSAPrivateKey) -> None:
    said = options(parse_snowflake(URL, "p w"), 90)
    assert said["username"] == "reader"
    assert said["password"] == "p w"
    assert said["adbc.snowflake.sql.account"] == "acme-org-clinic"
    assert said["adbc.snowflake.sql.warehouse"] == "SMALL"
    assert said["adbc.snowflake.sql.role"] == "READING"
    assert said["adbc.snowflake.sql.uri.protocol"] == "https"
    assert said["STATEMENT_TIMEOUT_IN_SECONDS"] == "90"
    with_key = options(parse_snowflake(URL, pem(key)), 90)
    assert with_key["adbc.snowflake.sql.auth_type"] == "auth_jwt"
    assert with_key["adbc.snowflake.sql.client_option.jwt_private_key_pkcs8_value"].startswith(
        "-----BEGIN PRIVATE KEY-----"
    )
    assert "password" not in with_key


@pytest.mark.parametrize("host", ["db.example.org", "10.0.0.1", "127.0.0.1.example.org"])
def test_there_is_tls_but_on_this_machine(host: str) -> None:
    assert (
        options(parse_snowflake(f"snowflake://u@a?host={host}", "p"), 1)["adbc.snowflake.sql.uri.protocol"] == "https"
    )
    here = options(parse_snowflake("snowflake://u@a?host=127.0.0.1", "p"), 1)
    assert here["adbc.snowflake.sql.uri.protocol"] == "http"


def test_a_key_that_the_driver_could_not_use_is_refused_before_it_is_kept(key: rsa.RSAPrivateKey) -> None:
    sealed = pem(key, BestAvailableEncryption(b"secret"))
    for text, told in (
        (sealed, "is encrypted"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "is none of RSA"),
        ("-----BEGIN PRIVATE KEY-----\nxx\n-----END PRIVATE KEY-----\n", "cannot be read"),
    ):
        with pytest.raises(ValueError, match=told):
            parse_snowflake(URL, text)


def test_a_connection_is_kept_as_what_it_is_and_shown_without_its_secret(key: rsa.RSAPrivateKey) -> None:
    for made in (
        parse_any(URL, "hunter2"),
        parse_any(URL, pem(key)),
        parse_any("postgresql://u@db.example.org/clinic", "hunter2"),
    ):
        kept = connection_in(connection_document(made))
        assert kept == made
        assert isinstance(kept, Connection | SnowflakeConnection)
        for shown in (repr(kept), kept.shown):
            assert "hunter2" not in shown
            assert "PRIVATE" not in shown
