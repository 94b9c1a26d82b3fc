"""What the documents of each command name: these names stay from release to release.

docs/cli.md has them, and tests/unit/cli/test_json_names.py compares them with what the commands print.
"""

from __future__ import annotations

from collections.abc import Mapping

_KEY = "accountId user role accessKeyId secretAccessKey region endpointUrl [s3EndpointUrl]"
_USER = "accountId user userId role status accessKeyIds createTime"
_ROLE = "accountId name arn role assumedBy maxSessionSeconds createTime"
_TABLE = "accountId database table format reading pinned sources role columns"
_CONNECTION = "accountId name database sslmode"
_IMAGE = "name digest entrypoint commands variables requirements python createTime"
_ADDRESS = "accountId id kind place waiting givenUp failingSince problem createTime"
_RESULT = "id accountId collaborationId kind job askedBy location files sizeBytes deliveredTime"

JSON_NAMES: Mapping[str, str] = {
    "accounts add": _KEY,
    "accounts list": "accountId name status users accessKeyIds createTime",
    "accounts rotate": _KEY,
    "accounts disable": "accountId status",
    "accounts enable": "accountId status",
    "accounts remove": "accountId removed",
    "users add": _KEY,
    "users list": _USER,
    "users change": _USER,
    "users disable": _USER,
    "users enable": _USER,
    "users remove": "accountId user removed",
    "keys add": _KEY,
    "keys list": "accountId user accessKeyId status createTime",
    "keys remove": "accountId accessKeyId status",
    "roles add": _ROLE,
    "roles list": _ROLE,
    "roles remove": "accountId name removed",
    "console link": "url expires",
    "console sessions": "session accountId user by accessKeyId createTime lastUsedTime expirationTime",
    "console end": "sessions ended",
    "owner stop": "name configuredTableIdentifier analysisRuleType analysisRulePolicy",
    "collaborations list": "id name creatorAccountId status stoppedTime",
    "collaborations stop": "id name stoppedTime",
    "collaborations resume": "id name stoppedTime",
    "catalog add": f"{_TABLE} [rows] [snapshot] [refused] [seen]",
    "catalog list": _TABLE,
    "catalog show": f"{_TABLE} files [snapshot]",
    "catalog check": "accountId database table broken changed files rows",
    "catalog remove": "accountId database table removed",
    "connections add": _CONNECTION,
    "connections list": _CONNECTION,
    "connections remove": "accountId name removed",
    "images build": _IMAGE,
    "images list": _IMAGE,
    "images show": _IMAGE,
    "images remove": "name removed contentsRemoved",
    "notify add": f"{_ADDRESS} [secret]",
    "notify list": _ADDRESS,
    "notify remove": "accountId id removed",
    "notify test": "accountId id notice",
    "explain": "arn [kind] [events] [members] [snapshots] [as] [uses] [notDelivered] [notRead]",
    "logs": "at_ms stream text host",
    "metrics": "resource_id kind name host stride count minimum maximum last_at_ms last_value points",
    "results list": _RESULT,
    "results get": f"{_RESULT} copies",
    "usage": "payer_account_id collaboration_id resource kind cpu_seconds memory_gb_hours stored_gb_hours",
    "partial": "account archives copies",
    "backup": "folder madeAt files bytes lost keysLeftOut elsewhere",
    "restore": "folder madeAt lost keysToPutThere runsStartedAgain",
    "aws-data": "folder",
    "ops": "service operation method path errors implemented file line function",
    "doctor": "well sandboxUsable findings",
}
"""By the command's words: the names in its documents; in brackets what some of them have."""
