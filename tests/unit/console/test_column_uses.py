from __future__ import annotations

from typing import Any

from whiteroom.console.column_uses import sentences, uses_of

CUSTOM: dict[str, Any] = {
    "allowedAnalyses": ["ANY_QUERY"],
    "allowedAnalysisProviders": ["111111111111"],
    "disallowedOutputColumns": ["EMAIL"],
    "differentialPrivacy": {"columns": [{"name": "user_id"}]},
    "aggregationThresholds": [
        {
            "identityColumns": ["user_id"],
            "minimumIdentityCount": 10,
            "type": "COUNT_DISTINCT",
            "outputColumnThresholds": [{"outputColumnName": "city", "minimumIdentityCount": 50}],
            "allowedAggregateExpressionType": "COLUMNS_ONLY",
        }
    ],
    "comparisonControls": {"allowedLiteralComparisonColumns": ["age"], "allowedColumnComparisonColumns": ["user_id"]},
    "additionalAnalyses": "NOT_ALLOWED",
    "allowedResultReceivers": ["222222222222"],
    "allowedAdditionalAnalyses": [],
}


def test_a_custom_rule_says_of_each_column_all_that_it_has_about_it() -> None:
    assert uses_of("CUSTOM", CUSTOM, ["user_id", "email", "city", "age", "weight"]) == [
        (
            "user_id",
            "tells whose row it is, for noise; counted: a group has at least 10; compared with other columns",
        ),
        ("email", "used, but in no result"),
        ("city", "shown of at least 50"),
        ("age", "compared with values"),
        ("weight", "whatever an allowed query does"),
    ]


def test_a_custom_rules_conditions_are_sentences() -> None:
    said = sentences("CUSTOM", CUSTOM)
    assert "Any query of 111111111111." in said
    assert "A row of a result has at least 10 different values of user_id in it." in said
    assert "Aggregates take columns as they are, and no expressions." in said
    assert "Results carry noise, and use up a privacy budget." in said
    assert "What is selected goes into no algorithm." in said
    assert "Results go to 222222222222." in said
    assert "Algorithms: none." in said
    assert all(one.endswith(".") for one in said)


def test_a_rule_without_an_analysis_lets_nothing_be_done() -> None:
    assert sentences("CUSTOM", {"allowedAnalyses": []})[0] == "No query: no analysis is allowed yet."


def test_a_list_rule_joins_and_shows_what_it_names_and_nothing_else() -> None:
    policy = {"joinColumns": ["id"], "listColumns": ["city", "id"], "allowedJoinOperators": ["AND", "OR"]}
    assert uses_of("LIST", policy, ["id", "city", "age"]) == [
        ("id", "joined on; shown"),
        ("city", "shown"),
        ("age", "nothing"),
    ]
    assert sentences("LIST", policy) == ["Conditions of a join are put together with AND, OR."]


def test_of_a_kind_of_rule_that_is_not_known_nothing_is_said_to_be_allowed() -> None:
    assert uses_of("ID_MAPPING_TABLE", {"joinColumns": ["id"]}, ["id"]) == [("id", "nothing")]
