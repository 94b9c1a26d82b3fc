from __future__ import annotations

import json
from datetime import timedelta

import pytest

from support.command import CommandLine
from support.worlds.driven import World
from support.worlds.requests import BOB
from whiteroom.domain.resources.configured_tables import ConfiguredTableAnalysisRule
from whiteroom.ports.store import Work


def running(world: World) -> str:
    """A training over Bob's table that goes on; its id."""
    model = world.model(channels=(world.ready_channel(),))
    world.runtime.looks = 1_000
    reconciler = world.reconciler()
    while world.get(Work.TRAINED_MODELS, model.id).status.value != "CREATE_IN_PROGRESS":
        reconciler.step("worker")
        world.clock.now += timedelta(milliseconds=1)
    return model.id


def test_one_call_ends_all_use_of_all_tables_of_an_account_at_once(cli: CommandLine, world: World) -> None:
    model_id = running(world)
    answer = cli("owner", "stop", "--account", BOB)
    assert answer.code == 0
    world.drive()
    model = world.get(Work.TRAINED_MODELS, model_id)
    assert (model.status.value, model.status_code) == ("CREATE_FAILED", "RevokedByOwner")
    with world.store.reading() as tx:
        tables = tx.configured_tables.all(account_id=BOB)
        assert len(tables) == 2
        assert [tx.configured_table_analysis_rules.get(table.id) for table in tables] == [None, None]


def history(world: World, arn: str) -> list[tuple[str, str, str]]:
    with world.store.reading() as tx:
        return [(event.event.value, event.actor, event.reason) for event in tx.events(arn)]


def test_the_history_of_all_that_rests_on_the_tables_says_that_the_operator_ended_their_use(
    cli: CommandLine, world: World
) -> None:
    ready = world.ready_model()
    with world.store.reading() as tx:
        base = tx.trained_models.get(ready.id)
    assert base is not None
    model = world.get(Work.TRAINED_MODELS, running(world))
    query = world.query(payer_account_id=BOB)
    arns = [base.arn, model.arn, query.arn, *(read["mlInputChannelArn"] for read in model.data_channels)]
    assert cli("owner", "stop", "--account", BOB).code == 0
    said = ("noted", "operator", f"The operator ended all use of the tables of account {BOB} (whiteroom owner stop).")
    assert [history(world, arn)[-1] for arn in arns] == [said] * len(arns)
    told = cli("explain", model.arn).out
    assert "operator" in told
    assert "whiteroom owner stop" in told
    assert cli("owner", "stop", "--account", BOB).code == 0
    assert [history(world, arn).count(said) for arn in arns] == [1] * len(arns)


def test_what_it_prints_sets_the_rules_again(cli: CommandLine, world: World) -> None:
    with world.store.reading() as tx:
        before = {rule.id: rule.policy for rule in tx.configured_table_analysis_rules.all()}
    printed = [json.loads(line) for line in cli("owner", "stop", "--account", BOB).out.splitlines()]
    with world.store.transaction() as tx:
        for rule in printed:
            tx.configured_table_analysis_rules.add(
                ConfiguredTableAnalysisRule(
                    rule["configuredTableIdentifier"],
                    rule["analysisRuleType"],
                    rule["analysisRulePolicy"],
                    world.clock(),
                    world.clock(),
                )
            )
        assert {rule.id: rule.policy for rule in tx.configured_table_analysis_rules.all()} == before
    assert world.ready_channel()


def test_stopping_again_is_harmless_and_says_that_there_is_nothing_left(cli: CommandLine, world: World) -> None:
    assert len(cli("owner", "stop", "--account", BOB, "--json").json) == 2
    assert cli("owner", "stop", "--account", BOB, "--json").json == []
    assert "nothing can read one" in cli("owner", "stop", "--account", BOB).out


@pytest.mark.parametrize("account", ["999999999999", "nobody"])
def test_an_account_that_is_not_there_is_told(cli: CommandLine, world: World, account: str) -> None:
    answer = cli("owner", "stop", "--account", account)
    assert answer.code == 1
    assert "account" in answer.err
