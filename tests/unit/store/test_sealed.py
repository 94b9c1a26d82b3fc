"""What the store seals is not to be read in its file, and opens where it stands and nowhere else."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from support.worlds.requests import ALICE, CAROL, NOW, REGION
from support.worlds.rooms import Room, a_furnished_room
from support.worlds.servers import a_server
from whiteroom.domain.resources.accounts import AccessKey, AccessKeyStatus
from whiteroom.keys.local import LocalRing, taken_list
from whiteroom.ports.keys import KeyTakenAway, WrongKey
from whiteroom.ports.transaction import KINDS
from whiteroom.reads.accounts import KeySummary
from whiteroom.store.sealed import BY_SERVER, DOCUMENTS
from whiteroom.store.sqlite import SqliteStore
from whiteroom.store.tables import RECORDS

CANARY = "canary-5c8e0d"
ALICES_KEY = f"arn:aws:kms:{REGION}:{ALICE}:key/1"
CAROLS_KEY = f"arn:aws:kms:{REGION}:{CAROL}:key/1"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
KEY = AccessKey("AKIAEXAMPLE", ALICE, SECRET, AccessKeyStatus.ACTIVE, NOW, "user")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "whiteroom.db"


@pytest.fixture
def ring(tmp_path: Path) -> LocalRing:
    return LocalRing(tmp_path / "state" / "master.key", lambda: True)


@pytest.fixture
def store(path: Path, ring: LocalRing) -> SqliteStore:
    path.parent.mkdir()
    store = SqliteStore(path, ring)
    store.seal_secrets()
    return store


@pytest.fixture
def room(store: SqliteStore) -> Room:
    return a_furnished_room(a_server(store))


def found_in(path: Path, canary: str) -> list[str]:
    """The files of a database in which a text stands: its log and its index of that, too."""
    return [file.name for file in sorted(path.parent.iterdir()) if canary.encode() in file.read_bytes()]


def words(what: str) -> dict[str, str]:
    return {what: f"{CANARY}-{what}"}


def everything_with_a_canary(room: Room) -> dict[str, Any]:
    """A room in which every document that is sealed says the canary; its ARNs by what they are."""
    room.algorithm(
        CAROL,
        "canary",
        trainingContainerConfig={"imageUri": "r/t:1", "arguments": [CANARY]},
        kmsKeyArn=CAROLS_KEY,
    )
    channel = room.active_channel("rows", kmsKeyArn=ALICES_KEY)
    room.channel("canary", f"SELECT age AS `{CANARY}` FROM patients")
    model = room.active_model(
        "trial", channel, hyperparameters=words("hyper"), environment=words("environment"), kmsKeyArn=ALICES_KEY
    )
    room.configure(CAROL)
    job = room.inference_job("guess", model["trainedModelArn"], channel, environment=words("inference"))
    return {"channel": channel, "model": model, "job": job}


def test_what_is_sealed_is_not_to_be_read_in_the_database(path: Path, room: Room, store: SqliteStore) -> None:
    everything_with_a_canary(room)
    with store.transaction() as tx:
        tx.access_keys.add(KEY)
    assert found_in(path, CANARY) == []
    assert found_in(path, SECRET) == []
    assert found_in(path, "trial"), "names are not sealed: the search finds what is there"


def test_without_a_ring_all_of_it_would_be(tmp_path: Path) -> None:
    path = tmp_path / "data" / "whiteroom.db"
    path.parent.mkdir()
    everything_with_a_canary(a_furnished_room(a_server(SqliteStore(path))))
    assert found_in(path, CANARY)


def test_who_may_read_it_is_answered_what_was_asked_for(room: Room) -> None:
    made = everything_with_a_canary(room)
    model = room.call("GetTrainedModel", **made["model"])
    assert model["hyperparameters"] == words("hyper")
    assert model["environment"] == words("environment")
    job = room.call("GetTrainedModelInferenceJob", trainedModelInferenceJobArn=made["job"])
    assert job["environment"] == words("inference")


@pytest.mark.parametrize(
    "swap",
    [
        "UPDATE trained_models SET environment = hyperparameters",
        "UPDATE trained_models SET environment = (SELECT environment FROM trained_model_inference_jobs)",
        "UPDATE trained_models SET arn = arn || '2'",
        "UPDATE trained_models SET id = 'other'",
        "UPDATE trained_models SET environment = environment || 'AAAA'",
        "UPDATE trained_models SET environment = 'sealed:1:'",
    ],
)
def test_a_ciphertext_that_was_moved_or_changed_is_refused(
    path: Path, room: Room, store: SqliteStore, swap: str
) -> None:
    everything_with_a_canary(room)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(swap)
    with store.reading() as tx:
        (model,) = tx.trained_models.all()
        with pytest.raises(WrongKey, match="damaged"):
            dict(model.environment)


def test_a_key_that_was_taken_away_leaves_everything_but_the_documents(
    room: Room, store: SqliteStore, tmp_path: Path
) -> None:
    everything_with_a_canary(room)
    taken = taken_list(tmp_path / "state" / "master.key")
    taken.write_text(ALICES_KEY)
    with store.reading() as tx:
        (model,) = tx.trained_models.all()
        assert model.name == "trial"
        for document in (model.environment, model.hyperparameters):
            with pytest.raises(KeyTakenAway, match=ALICES_KEY):
                dict(document)
        (job,) = tx.trained_model_inference_jobs.all()
        assert dict(job.environment) == words("inference"), "another key's"
    taken.unlink()
    with store.reading() as tx:
        (model,) = tx.trained_models.all()
        assert model.environment == words("environment")


def test_what_was_written_before_stays_readable_and_secrets_are_sealed_from_the_start_on(
    path: Path, ring: LocalRing
) -> None:
    path.parent.mkdir()
    before = SqliteStore(path)
    room = a_furnished_room(a_server(before))
    everything_with_a_canary(room)
    with before.transaction() as tx:
        tx.access_keys.add(KEY)
    before.close()
    assert found_in(path, SECRET)

    store = SqliteStore(path, ring)
    store.seal_secrets()
    assert found_in(path, SECRET) == []
    assert store.plain_documents() > 0
    with store.reading() as tx:
        assert tx.access_keys.get(KEY.id) == KEY
        (model,) = tx.trained_models.all()
        assert model.hyperparameters == words("hyper")
    store.seal_secrets()
    with store.reading() as tx:
        assert tx.access_keys.all() == (KEY,)


def test_what_is_deleted_is_not_to_be_read_in_the_file_any_more(path: Path, store: SqliteStore) -> None:
    owner = "deleted-7d2f01"
    with store.transaction() as tx:
        tx.access_keys.add(replace(KEY, user_id=owner))
    assert found_in(path, owner)
    with store.transaction() as tx:
        tx.access_keys.remove(KEY)
    store.close()  # which empties the log into the file
    assert found_in(path, owner) == []


def test_what_is_declared_to_be_sealed_is_a_document_that_nothing_searches_and_no_list_reads() -> None:
    for name, columns in DOCUMENTS.items():
        hints = RECORDS[name].kind.record.__annotations__
        assert all("Mapping" in hints[column] for column in columns)
    searched = {(kind.name, field) for kind in KINDS for search in (*kind.searches, *kind.unique) for field in search}
    sealed = {
        (table, column) for tables in (DOCUMENTS, BY_SERVER) for table, names in tables.items() for column in names
    }
    assert not searched & sealed


def test_a_view_that_names_no_secret_reads_none(store: SqliteStore) -> None:
    with store.transaction() as tx:
        tx.access_keys.add(KEY)
    with store.reading() as tx:
        (found,) = tx.access_keys.page_as(KeySummary, 10, None, user_id="user").items
    store.close()
    assert found == KeySummary(KEY.id, ALICE, "user", AccessKeyStatus.ACTIVE, NOW)
