"""What answers show: a table, in which whatever members wrote is text."""

from __future__ import annotations

from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest
from botocore.exceptions import ClientError

from unit.notebook.members import THEN, model, stubbed
from whiteroom.notebook.answers import LETTERS_SHOWN, ROWS_SHOWN, Answer, Rows
from whiteroom.notebook.comparing import Comparison, beside
from whiteroom.notebook.logs import Events
from whiteroom.notebook.progress import Progress

TAGS = {"table", "thead", "tbody", "tr", "th", "td", "p", "strong", "progress"}
ATTRIBUTES = {"style", "value", "max", "aria-label"}
HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"><svg onload='alert(1)'>",
    "' onmouseover='alert(1)",
    "</td></tr></table><iframe srcdoc='<script>alert(1)</script>'>",
    "<!-- ",
    "]]><![CDATA[<a href=javascript:alert(1)>a</a>",
    "&lt;script&gt;",
    "\x1b]8;;http://elsewhere\x07click\x1b]8;;\x07",
    "\x1b[2J\x1b[1;1H",
    "\u202egnp.exe",
    "\u200b\x00\x08",
    "$\\alpha$ <b>",
]


class Page(HTMLParser):
    """The tags, the attributes and the text of a piece of HTML."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.strange: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.strange.append(data)

    def unknown_decl(self, data: str) -> None:
        self.strange.append(data)

    def handle_decl(self, decl: str) -> None:
        self.strange.append(decl)

    def handle_pi(self, data: str) -> None:
        self.strange.append(data)


def everything_of(text: str) -> list[Any]:
    """Everything that shows itself, with that text wherever a member can have put some."""
    answer = model(
        name=text,
        description=text,
        hyperparameters={text: text},
        statusDetails={"statusCode": text, "message": text},
        tags={text: text},
    )
    event = {"message": text, "logStreamName": f"m/NULL/{text}", "timestamp": 0, "eventId": "1"}
    details = [{"name": text, text: text}, {"name": "other", text: text + text}]
    return [
        Answer(answer),
        Answer({"trainedModel": answer}),
        Answer({"trainedModels": [answer, answer]}),
        Answer({text: [text, text]}),
        Answer({text: {text: [{text: {text: text}}]}}),
        Rows([answer, {text: text}]),
        Events([event]),
        Events([], reason=text),
        Comparison(beside([text, "other"], details)),
        Progress(text, text, 1, text),
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_member_wrote_is_text_in_a_notebook(text: str) -> None:
    harmless = [Page(shown._repr_html_()).tags for shown in everything_of("harmless")]
    for shown, tags in zip(everything_of(text), harmless, strict=True):
        page = Page(shown._repr_html_())
        assert page.tags == tags
        assert set(page.tags) <= TAGS
        assert page.attributes <= ATTRIBUTES
        assert page.strange == []
        assert all(letter.isprintable() or letter in "\n\t" for letter in page.text)
        if text.isprintable():
            assert text in page.text


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_member_wrote_is_text_in_a_terminal(text: str) -> None:
    for shown in everything_of(text):
        assert all(letter.isprintable() or letter in "\n\t" for letter in repr(shown))


def test_an_answer_is_the_dictionary_that_boto3_answers() -> None:
    with stubbed("cleanroomsml") as (member, stubs):
        stubs["cleanroomsml"].add_response("get_trained_model", model())
        asked = {"membershipIdentifier": model()["membershipIdentifier"], "trainedModelArn": model()["trainedModelArn"]}
        answer = member.ml.get_trained_model(**asked)
    assert isinstance(answer, Answer)
    assert answer == model()


def test_an_answer_with_one_thing_in_it_shows_that() -> None:
    page = Page(Answer({"ResponseMetadata": {"RequestId": "r-1"}, "collaboration": {"name": "Late"}})._repr_html_())
    assert (page.text, page.tags) == ("nameLate", ["table", "tr", "th", "td"])


def test_what_the_transport_adds_is_not_shown() -> None:
    answer = Answer({"ResponseMetadata": {"RequestId": "r-1"}, "name": "x", "status": "y", "nextToken": "t-1"})
    assert "r-1" not in repr(answer)
    assert "r-1" not in answer._repr_html_()
    assert "t-1" not in answer._repr_html_()


def test_a_list_is_a_table_with_a_column_for_each_name_that_any_row_has() -> None:
    page = Page(Rows([{"a": 1}, {"b": datetime(2026, 11, 30, 9, 5, tzinfo=UTC)}])._repr_html_())
    assert page.tags.count("th") == 2
    assert page.text == "ab12026-11-30 09:05:00 UTC"


def test_of_a_long_list_and_a_long_text_a_part_is_shown_and_that_is_said() -> None:
    page = Page(Rows([{"n": number} for number in range(ROWS_SHOWN + 5)])._repr_html_())
    assert page.tags.count("tr") == ROWS_SHOWN + 1
    assert page.text.endswith("5 more rows are not shown.")
    text = Page(Rows([{"n": "x" * (LETTERS_SHOWN + 1)}])._repr_html_()).text
    assert text.endswith(f"x... ({LETTERS_SHOWN + 1:,} characters)")


def test_a_comparison_shows_what_differs_in_bold() -> None:
    rows = Comparison(beside(["one", "two"], [{"trees": "30", "depth": "4"}, {"trees": "30", "depth": "5"}]))
    assert [row["differs"] for row in rows] == [False, True]
    html = rows._repr_html_()
    assert "<strong>depth</strong>" in html
    assert "<strong>trees</strong>" not in html


def test_an_error_stays_boto3s_own() -> None:
    with stubbed("cleanroomsml") as (member, stubs):
        stubs["cleanroomsml"].add_client_error("get_trained_model", "AccessDeniedException", "no")
        with pytest.raises(ClientError, match="AccessDeniedException"):
            member.ml.get_trained_model(
                membershipIdentifier=model()["membershipIdentifier"], trainedModelArn=model()["trainedModelArn"]
            )


def test_the_times_of_a_model_are_told_to_the_second() -> None:
    assert f"{THEN:%Y-%m-%d %H:%M:%S} UTC" in Page(Answer(model())._repr_html_()).text


def test_a_refusal_has_no_letter_that_a_terminal_obeys() -> None:
    with stubbed("cleanrooms") as (member, stubs):
        stubs["cleanrooms"].add_client_error("list_collaborations", "ValidationException", "a\x1b[2J\x9b2J\u202eb")
        with pytest.raises(ClientError) as refused:
            member.cleanrooms.list_collaborations()
    assert str(refused.value).endswith("a\\x1b[2J\\x9b2J\\u202eb")
