"""What stands for personal information, for numbers, and for what a member names."""

# Letters that look like others are what is tested here.
# ruff: noqa: RUF001
from __future__ import annotations

import unicodedata

import pytest

from support.effort import effort_under
from whiteroom.domain.privacy.policies import Entity, LogPolicy, LogType
from whiteroom.domain.privacy.redaction import cleaned, hidden
from whiteroom.redaction import personal
from whiteroom.redaction.finder import PatternFinder

FINDER = PatternFinder()


def policy(*entities: Entity, custom: tuple[str, ...] = ()) -> LogPolicy:
    return LogPolicy(("111111111111",), None, LogType.ALL, entities, custom)


def redact(text: str, *policies: LogPolicy) -> str:
    return hidden(cleaned(text), policies, 10_000, FINDER)


def test_without_a_policy_or_an_entity_nothing_is_masked() -> None:
    text = "patient 7 of alice@example.org"
    assert redact(text) == text
    assert redact(text, policy()) == text


@pytest.mark.parametrize(
    "secret",
    [
        "alice.b+c@mail.example.org",
        "alice@localhost.invalid",
        "+41 44 668 18 00",
        "(212) 555-0100",
        "123-45-6789",
        "4111 1111 1111 1111",
        "4111111111111111",
        "10.20.30.40",
        "2001:db8:85a3:0:0:8a2e:370:7334",
        "00:1b:44:11:3a:b7",
        "DE89 3704 0044 0532 0130 00",
        "1984-02-29",
        "AKIAIOSFODNN7EXAMPLE",
        "12345678Z",  # Spain: NIF
        "131052-308T",  # Finland: personal identity code
        "RSSMRA85T10A562S",  # Italy: fiscal code
        "44051401359",  # Poland: PESEL
        "S1234567D",  # Singapore: FIN
        "943 476 5919",  # United Kingdom: NHS number
    ],
)
def test_what_has_the_form_of_personal_information_is_masked(secret: str) -> None:
    assert secret not in redact(f"row of {secret} dropped", policy(Entity.PERSONAL))
    assert redact(f"row of {secret} dropped", policy(Entity.PERSONAL)) == "row of [REDACTED] dropped"


@pytest.mark.parametrize(
    "line", ["card_{}", "x{}", "{}T12:00:00", "id={}", "'{}'", "[{}]", "a,{},b", "{}\t", "key_{}_key"]
)
@pytest.mark.parametrize("secret", ["4111111111111111", "1984-02-29", "123-45-6789", "10.20.30.40"])
def test_it_is_masked_whatever_it_touches(line: str, secret: str) -> None:
    assert secret not in redact(line.format(secret), policy(Entity.PERSONAL))


@pytest.mark.parametrize("line", ["nif_{}", "id={}", "'{}'", "[{}]", "a,{},b", "nif:{};"])
def test_a_number_with_check_digits_is_masked_beside_signs(line: str) -> None:
    assert redact(line.format("12345678Z"), policy(Entity.PERSONAL)) == line.format("[REDACTED]")


@pytest.mark.parametrize(
    "date",
    [
        "12 March 1980",
        "12th of March 1980",
        "12mar1980",
        "12-Mar-1980",
        "March 12, 1980",
        "Mar. 12th 1980",
        "3. März 1980",
        "1er mars 1980",
        "3 de marzo de 1980",
        "3 agosto 1980",
        "12/03/1980",
        "12.03.80",
        "19800312",
    ],
)
@pytest.mark.parametrize("line", ["born {} in ward 4", "dob={};", "DOB: {}", "dob,{},x"])
def test_a_date_of_birth_is_masked_however_it_is_written(line: str, date: str) -> None:
    assert redact(line.format(date), policy(Entity.PERSONAL)) == line.format("[REDACTED]")


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("passport number", "123456789"),
        ("passport", "AB1234567"),
        ("driver license", "D1234567"),
        ("account number", "12345678"),
        ("member id", "XYZ123456789"),
        ("subscriber", "XYZ123456789"),
        ("claim", "CLM-12345678"),
        ("prescription number", "RX-1234567"),
        ("Medicare", "2123456701"),
        ("MBI", "1EG4TE5MK73"),
        ("NPI", "1234567893"),
        ("postcode", "SW1A 2AA"),
        ("postal code", "K1A 0B1"),
        ("PLZ", "10115"),
        ("SIN", "130692544"),
        ("ssn", "536228726"),
        ("LANR", "123456601"),
    ],
)
@pytest.mark.parametrize("line", ["{}: {}", "the patient's {} is {}", "{}={}"])
def test_a_number_that_many_have_is_masked_where_a_word_names_it(line: str, name: str, number: str) -> None:
    assert redact(line.format(name, number), policy(Entity.PERSONAL)) == line.format(name, "[REDACTED]")


@pytest.mark.parametrize(
    "text",
    [
        "imported 12345 rows",  # `ort`, which names a German postal code, is a part of a word here
        "saved 12345678 rows",
        "report 54321 sorted 12345",
        "a passport is what the patient had to show, and there were 123456789 of them",
        "batch 128 seed 123456789",
    ],
)
def test_the_same_number_is_not_personal_elsewhere(text: str) -> None:
    assert redact(text, policy(Entity.PERSONAL)) == text


@pytest.mark.parametrize(
    "number",
    [
        "020 7946 0018",  # United Kingdom
        "07700900123",
        "(212) 555-0100",  # United States
        "212.555.0100",
        "030 1234567",  # Germany
        "0171/1234567",
        "01 42 68 53 00",  # France
        "079 123 45 67",  # Switzerland
        "0664 1234567",  # Austria
        "0470 12 34 56",  # Belgium
        "06 12345678",  # Netherlands
        "333 1234567",  # Italy
        "612 34 56 78",  # Spain
        "070-123 45 67",  # Sweden
        "501 234 567",  # Poland
        "02 9374 4000",  # Australia
        "090-1234-5678",  # Japan
        "0044 20 7946 0958",
        "+47 412 34 567",
        "+61412345678",
    ],
)
def test_telephone_numbers_are_masked_as_people_of_many_countries_write_them(number: str) -> None:
    assert redact(f"call {number} now", policy(Entity.PERSONAL)) == "call [REDACTED] now"


def test_a_swiss_social_security_number_is_masked_whole() -> None:
    assert redact("AHV 756.9217.0769.85", policy(Entity.PERSONAL)) == "AHV [REDACTED]"


@pytest.mark.parametrize("number", ["0.893317", "0.8444218515250481", "-0.4111111111111111", "0.02148971"])
def test_a_decimal_fraction_is_no_telephone_number(number: str) -> None:
    text = f"loss {number}, acc={number};"
    assert redact(text, policy(Entity.PERSONAL)) == text


def test_what_stands_beside_a_decimal_fraction_is_masked() -> None:
    text = redact("0.25 4111111111111111 0.5 alice@example.org 0.0.0.0", policy(Entity.PERSONAL))
    assert text == "0.25 [REDACTED] 0.5 [REDACTED] [REDACTED]"


def test_ordinary_words_and_small_numbers_are_not_personal() -> None:
    text = "epoch 3: loss 0.25, 1200 rows of flights_2013.csv by train.py"
    assert redact(text, policy(Entity.PERSONAL)) == text


def test_without_a_language_model_a_bare_name_is_not_found() -> None:
    """docs/privacy.md says so; with one: test_names.py."""
    assert redact("Alice Smith was dropped", policy(Entity.PERSONAL)) == "Alice Smith was dropped"


@pytest.mark.parametrize("at", [0, 700, 1000, 1020, 1024, 2000])
def test_it_is_found_wherever_a_long_line_has_it(at: int) -> None:
    line = "x" * at + " 12345678Z " + "y" * 3000
    assert redact(line, policy(Entity.PERSONAL)) == line.replace("12345678Z", "[REDACTED]")


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("loss 0.25 after 1,200 rows (x1)", "loss [REDACTED] after [REDACTED] rows (x[REDACTED])"),
        (
            "lr 1e-5, 0xDEADBEEF, 0b101, 1'000'000 and 1_000",
            "lr [REDACTED], [REDACTED], [REDACTED], [REDACTED] and [REDACTED]",
        ),
        ("１２３ ٣٤ ४५ ²³ ① ½ Ⅷ", "[REDACTED] [REDACTED] [REDACTED] [REDACTED] [REDACTED] [REDACTED] [REDACTED]"),
        ("𝟜𝟙 of 4\u20e31\ufe0f\u20e3", "[REDACTED] of [REDACTED]"),
    ],
)
def test_every_number_is_masked_where_numbers_are(text: str, masked: str) -> None:
    assert redact(text, policy(Entity.NUMBERS)) == masked


ZEROS = [
    place
    for place in range(0x110000)
    if unicodedata.category(chr(place)) == "Nd" and unicodedata.decimal(chr(place)) == 0
]
"""The first digit of each script that has ten."""
FORMS = ["4111 1111 1111 1111", "123-45-6789", "+41 44 668 18 00", "943 476 5919", "44051401359", "1984-02-29"]


def in_script(zero: int, text: str) -> str:
    return "".join(chr(zero + int(letter)) if letter.isdigit() else letter for letter in text)


@pytest.mark.parametrize("zero", ZEROS, ids=[unicodedata.name(chr(zero)) for zero in ZEROS])
def test_digits_of_every_script_count_as_those_of_ours(zero: int) -> None:
    for form in FORMS[:2]:
        secret = in_script(zero, form)
        assert redact(f"row of {secret} dropped", policy(Entity.PERSONAL)) == "row of [REDACTED] dropped"
    assert redact(f"n={in_script(zero, '471')}", policy(Entity.NUMBERS)) == "n=[REDACTED]"
    named = policy(Entity.CUSTOM, custom=("MRN-[0-9]{3}",))
    assert redact(f"case MRN-{in_script(zero, '471')}", named) == "case [REDACTED]"


@pytest.mark.parametrize("form", FORMS)
def test_digits_of_several_scripts_in_one_number_count_too(form: str) -> None:
    secret = "".join(in_script(ZEROS[7 * place % len(ZEROS)], letter) for place, letter in enumerate(form))
    assert redact(f"row of {secret} dropped", policy(Entity.PERSONAL)) == "row of [REDACTED] dropped"


@pytest.mark.parametrize(
    "secret",
    [
        "四一一一一一一一一一一一一一一一",
        "〇七九四 四六六 八一八〇〇",
        "①②③-④⑤-⑥⑦⑧⑨",
        "፩፪፫-፬፭-፮፯፰፱",
        "⁴¹¹¹ ¹¹¹¹ ¹¹¹¹ ¹¹¹¹",
    ],
)
def test_numerals_count_as_the_digits_that_they_are(secret: str) -> None:
    assert not set(secret) & set(redact(f"row of {secret} dropped", policy(Entity.PERSONAL)).replace(" ", ""))


def test_a_chinese_character_that_is_a_word_too_is_a_digit_beside_others_alone() -> None:
    assert redact("一般 三人 一二三", policy(Entity.NUMBERS)) == "一般 三人 [REDACTED]"


@pytest.mark.parametrize(
    "between",
    ["\t", "  ", "\t\t", " \t ", "\u00a0", "\u2003", "\u202f", "\u3000", "--", " - ", "–", "−", "_", "·", " • "],
    ids=ascii,
)
@pytest.mark.parametrize("form", ["4111 1111 1111 1111", "+41 44 668 18 00", "943 476 5919", "(212) 555 0100"])
def test_whatever_parts_the_groups_of_a_number_does_not_hide_it(form: str, between: str) -> None:
    secret = form.replace(" ", between) if "(" not in form else f"(212) 555{between}0100"
    assert redact(f"row of {secret} dropped", policy(Entity.PERSONAL)) == "row of [REDACTED] dropped"


@pytest.mark.parametrize("sign", [*"./:|"])
def test_a_card_number_is_masked_with_other_signs_between_its_groups(sign: str) -> None:
    secret = sign.join(["4111", "1111", "1111", "1111"])
    assert redact(f"row of {secret} dropped", policy(Entity.PERSONAL)) == "row of [REDACTED] dropped"


@pytest.mark.parametrize("between", ["\t", " ", ".", "  ", "·"])
def test_a_social_security_number_is_masked_with_other_signs_between_its_groups(between: str) -> None:
    secret = between.join(["457", "55", "5462"])
    assert redact(f"row of {secret} dropped", policy(Entity.PERSONAL)) == "row of [REDACTED] dropped"


def test_a_members_own_expression_finds_a_number_whose_groups_are_parted_by_tabs() -> None:
    named = policy(Entity.CUSTOM, custom=("MRN [0-9]{3} [0-9]{3}",))
    assert redact("case MRN 471\t\t123!", named) == "case [REDACTED]!"


def test_blanks_and_dashes_that_part_no_digits_are_left_alone() -> None:
    named = policy(Entity.CUSTOM, custom=("a b",))
    assert redact("a\tb a  b 1\t\tx", named) == "a\tb a  b 1\t\tx"


def test_custom_identifiers_are_masked_only_where_custom_is_named() -> None:
    assert redact("case MRN-77", policy(Entity.CUSTOM, custom=("MRN-[0-9]+",))) == "case [REDACTED]"
    assert redact("case MRN-77", policy(custom=("MRN-[0-9]+",))) == "case MRN-77"


def test_a_custom_identifier_is_found_in_wide_letters_and_in_its_own_script() -> None:
    assert redact("case ＭＲＮ－７７!", policy(Entity.CUSTOM, custom=("MRN-[0-9]+",))) == "case [REDACTED]!"
    assert redact("Fall M\u0075\u0308ller", policy(Entity.CUSTOM, custom=("Müller",))) == "Fall [REDACTED]"


def test_what_any_policy_masks_is_masked_for_all() -> None:
    numbers, name = policy(Entity.NUMBERS), policy(Entity.CUSTOM, custom=("Smith",))
    assert redact("Smith is 41", numbers, name) == "[REDACTED] is [REDACTED]"


def test_what_overlaps_is_masked_as_one_so_that_no_rest_stands() -> None:
    text = redact("from 10.20.30.40 by 7up@example.org", policy(Entity.NUMBERS), policy(Entity.PERSONAL))
    assert text == "from [REDACTED] by [REDACTED]"
    assert redact("abcde", policy(Entity.CUSTOM, custom=("abc", "cde"))) == "[REDACTED]"
    assert redact("x abcde", policy(Entity.CUSTOM, custom=("abc", "de"))) == "x [REDACTED]"


def test_an_expression_that_matches_nothing_masks_nothing() -> None:
    assert redact("abc", policy(Entity.CUSTOM, custom=("x*", "^", "$"))) == "abc"


@pytest.mark.parametrize("expression", ["(a+)+$", "(a|aa)+$", "(.*)(.*)(.*)(.*)(.*)[^a]", "(a?){100}a{100}"])
def test_a_hostile_expression_takes_linear_time(expression: str) -> None:
    with effort_under(2):
        redact("a" * 10_000 + "!", policy(Entity.CUSTOM, custom=(expression,)))
        FINDER.matches(expression, "a" * 10_000 + "!")


@pytest.mark.slow
@pytest.mark.parametrize("text", ["1 ", "0.12345 ", "+1", "1-", "a@", "a.", "(1)-", "A1B2-", "12:", "１ "])
def test_a_hostile_line_takes_bounded_time(text: str) -> None:
    line = (text * 10_000)[:8_192]
    redact("0@", policy(Entity.PERSONAL))  # loads what it takes
    with effort_under(5):
        redact(line, policy(Entity.PERSONAL, Entity.NUMBERS))


def test_what_the_detector_fails_on_is_masked_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing:
        supported_entities = ("X",)

        def analyze(self, text: str, _: object) -> None:
            raise ValueError(text)

    monkeypatch.setattr(personal, "_recognisers", lambda: (Failing(),))
    assert redact("row 41 of it", policy(Entity.PERSONAL)) == "[REDACTED]"


def test_without_the_detector_nothing_is_shown_and_the_reason_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(personal, "is_installed", lambda: False)
    assert FINDER.fault([policy(Entity.NUMBERS)]) is None
    fault = FINDER.fault([policy(Entity.NUMBERS), policy(Entity.PERSONAL)])
    assert fault is not None
    assert "pip install 'whiteroom[pii]'" in fault
    personal._loaded.cache_clear()
    assert FINDER.fault([policy(custom=("(",))]) is not None
    with pytest.raises(RuntimeError, match="not installed"):
        redact("41", policy(Entity.PERSONAL))
    personal._loaded.cache_clear()
