"""What the command line says of tables in S3."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.command import CommandLine
from support.lake_tables import LakeDelta
from support.lakes import Lake

ACCOUNT = "111111111111"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/lake"
OF = ("lake.visits", "--account", ACCOUNT)


@pytest.fixture
def lake(moto: str, monkeypatch: pytest.MonkeyPatch, cli: CommandLine) -> Lake:
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIASERVER")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    cli("accounts", "add", ACCOUNT)
    lake = Lake(moto, ACCOUNT)
    lake.put("visits/yr=2024/1.csv", "patient,age\n1,50\n2,60\n")
    return lake


def test_a_table_in_s3_is_previewed_added_shown_and_checked_as_one_of_files(cli: CommandLine, lake: Lake) -> None:
    place = f"s3://{lake.bucket}/visits/"
    preview = cli("catalog", "add", *OF, place, "--role", ROLE, "--preview")
    assert "Named by folders: yr." in preview.out
    assert "50" in preview.out
    assert cli("catalog", "list").out == ""
    added = cli("catalog", "add", *OF, place, "--role", ROLE)
    assert (added.code, added.out) == (
        0,
        f"lake.visits of account {ACCOUNT}: 1 object, csv, 3 columns, 2 rows.\n",
    )
    shown = cli("catalog", "show", *OF, "--json").json
    assert (shown["files"], shown["role"]) == ([f"{place}yr=2024/1.csv"], ROLE)
    assert cli("catalog", "check").out == f"lake.visits of account {ACCOUNT}: 2 rows.\n"
    lake.put("visits/yr=2024/1.csv", "patient,age\n1,SECRET\n")
    broken = cli("catalog", "check")
    assert broken.code == 1
    assert f"{place}yr=2024/1.csv, line 2, column 'age'" in broken.out
    assert "SECRET" not in broken.out


def test_a_prefix_of_delta_is_added_at_a_snapshot_and_shown_and_checked(cli: CommandLine, lake: Lake) -> None:
    delta = LakeDelta(lake, "people")
    delta.write({"id": [1, 2]})
    delta.table.delete("id = 2")
    of = (*OF, f"{delta.uri}/", "--role", ROLE)
    preview = cli("catalog", "add", *of, "--preview")
    assert (preview.code, "1 object, delta, 1 column, 1 row, snapshot 1." in preview.out) == (0, True), preview.err
    assert cli("catalog", "list").out == ""
    added = cli("catalog", "add", *of, "--snapshot", "0")
    assert added.out == f"lake.visits of account {ACCOUNT}: 1 object, delta, 1 column, 2 rows, snapshot 0.\n"
    shown = cli("catalog", "show", *OF, "--json").json
    assert (shown["pinned"], shown["snapshot"], shown["role"]) == ("0", "0", ROLE)
    assert [file.rpartition("/")[0] for file in shown["files"]] == [delta.uri]
    assert cli("catalog", "check").out == f"lake.visits of account {ACCOUNT}: 2 rows.\n"
    lake.s3.delete_object(Bucket=lake.bucket, Key=f"people/_delta_log/{0:020}.json")
    broken = cli("catalog", "check")
    assert (broken.code, "or not any more; the latest is 1" in broken.out) == (1, True), broken.out


def test_what_was_refused_is_shown_as_it_was_seen(cli: CommandLine, lake: Lake) -> None:
    lake.put("visits/yr=2024/1.csv", "patient,age\n1,50,more\n")
    answer = cli("catalog", "add", *OF, f"s3://{lake.bucket}/visits/", "--role", ROLE)
    assert answer.code == 1
    assert f"Seen of s3://{lake.bucket}/visits/yr=2024/1.csv: csv, in folders named yr" in answer.err
    assert "line 2: 1,50,more" in answer.err


def test_a_refusal_names_the_call_the_bucket_and_the_role(cli: CommandLine, lake: Lake) -> None:
    answer = cli("catalog", "add", *OF, "s3://another-bucket-than-any/visits/", "--role", ROLE)
    assert answer.code == 1
    assert (
        f"the bucket another-bucket-than-any was refused to the account {ACCOUNT}, whose role is {ROLE}" in answer.err
    )
    unnamed = cli("catalog", "add", *OF, f"s3://{lake.bucket}/visits/")
    assert "has set no role for this, and the operator has mapped no profile" in unnamed.err


def test_where_no_s3_runs_beside_the_server_it_is_said_how_to_start_it(
    cli: CommandLine, lake: Lake, tmp_path: Path
) -> None:
    (cli.data / "whiteroom.toml").write_text("s3_port = 8333\n")
    answer = cli("catalog", "add", *OF, f"s3://{ACCOUNT}/visits/")
    assert (answer.code, "Start the server: whiteroom up --s3." in answer.err) == (1, True)
