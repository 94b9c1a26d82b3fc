"""How the driver is told of a connection: all that it would look for elsewhere is said, so that it looks nowhere."""

from __future__ import annotations

from whiteroom.databases.snowflake.connections import SnowflakeConnection

LOGIN_SECONDS = 20
_SQL = "adbc.snowflake.sql"
_CLIENT = f"{_SQL}.client_option"


def options(connection: SnowflakeConnection, statement_seconds: int) -> dict[str, str]:
    """The connection as the driver takes it; what it does not know are parameters of the session."""
    said = {
        "username": connection.user,
        f"{_SQL}.account": connection.account.partition(".")[0],
        f"{_SQL}.uri.host": connection.host,
        f"{_SQL}.uri.port": str(connection.port),
        f"{_SQL}.uri.protocol": "https" if connection.has_tls else "http",
        f"{_SQL}.warehouse": connection.warehouse,
        f"{_SQL}.role": connection.role,
        f"{_CLIENT}.login_timeout": f"{LOGIN_SECONDS}s",
        f"{_CLIENT}.disable_telemetry": "true",
        f"{_CLIENT}.store_temp_creds": "false",
        f"{_CLIENT}.use_high_precision": "true",
        # Without it, a time of no year from 1677 to 2262 becomes another one.
        f"{_CLIENT}.max_timestamp_precision": "nanoseconds_error_on_overflow",
        "STATEMENT_TIMEOUT_IN_SECONDS": str(statement_seconds),
        # A query whose process was killed is not paid for to its end.
        "ABORT_DETACHED_QUERY": "true",
        "QUOTED_IDENTIFIERS_IGNORE_CASE": "false",
        "GO_QUERY_RESULT_FORMAT": "ARROW",
        "TIMEZONE": "UTC",
        "QUERY_TAG": "whiteroom",
    }
    if connection.private_key:
        said |= {f"{_SQL}.auth_type": "auth_jwt", f"{_CLIENT}.jwt_private_key_pkcs8_value": connection.private_key}
    else:
        said |= {f"{_SQL}.auth_type": "auth_snowflake", "password": connection.password}
    return {name: value for name, value in said.items() if value}
