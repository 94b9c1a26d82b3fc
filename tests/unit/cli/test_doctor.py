from __future__ import annotations

from pathlib import Path

import pytest

from support.command import CommandLine
from support.language_models import listed_names
from whiteroom.cli.server_file import held
from whiteroom.domain.execution.runs import Finding, SandboxReport
from whiteroom.redaction import personal

SEALED = SandboxReport(usable=True, findings=(Finding("bubblewrap", ok=True, detail="0.11."),))
UNSEALED = SandboxReport(
    usable=False,
    findings=(Finding("user namespaces", ok=False, detail="Forbidden here.", remedy="Allow them by sysctl."),),
)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> dict[str, SandboxReport]:
    """What the runtime says of the machine; a test may change it."""
    said = {"report": SEALED}
    monkeypatch.setattr("whiteroom.cli.doctor.sandbox_report", lambda _settings: said["report"])
    monkeypatch.setattr("whiteroom.cli.doctor.SCARCE_MEMORY_BYTES", 0)
    return said


def test_where_all_is_well_the_exit_code_is_0(cli: CommandLine, machine: dict[str, SandboxReport]) -> None:
    cli("accounts", "add", "111111111111")
    answer = cli("doctor")
    assert answer.code == 0
    assert "All is well" in answer.out
    assert "accounts: 1." in answer.out


def test_a_machine_that_cannot_seal_a_run_is_told_with_its_remedy(
    cli: CommandLine, machine: dict[str, SandboxReport]
) -> None:
    machine["report"] = UNSEALED
    answer = cli("doctor")
    assert answer.code == 1
    assert "NO  user namespaces: Forbidden here." in answer.out
    assert "Allow them by sysctl." in answer.out
    assert "refused" in answer.out


def test_running_without_a_sandbox_is_called_unsealed(
    cli: CommandLine, machine: dict[str, SandboxReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHITEROOM_SANDBOX", "unsafe-no-sandbox")
    answer = cli("doctor")
    assert answer.code == 1
    assert "UNSEALED" in answer.out
    assert "All is well" not in answer.out
    assert cli("doctor", "--json").json["well"] is False


def test_nothing_is_made_where_nothing_is(cli: CommandLine, machine: dict[str, SandboxReport]) -> None:
    assert cli("doctor").code == 0
    assert not cli.data.exists()


def test_a_folder_that_others_may_read_is_a_finding(cli: CommandLine, machine: dict[str, SandboxReport]) -> None:
    cli("accounts", "add", "111111111111")
    cli.data.chmod(0o755)
    answer = cli("doctor")
    assert answer.code == 1
    assert "chmod 700" in answer.out


def test_a_broken_database_is_a_finding(cli: CommandLine, machine: dict[str, SandboxReport]) -> None:
    cli.data.mkdir(mode=0o700)
    (cli.data / "whiteroom.db").write_bytes(b"not a database" * 1000)
    answer = cli("doctor")
    assert answer.code == 1
    assert "backup" in answer.out


def test_a_small_machine_is_a_finding(
    cli: CommandLine, machine: dict[str, SandboxReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("whiteroom.cli.doctor.SCARCE_MEMORY_BYTES", 2**80)
    answer = cli("doctor")
    assert answer.code == 1
    assert "larger machine" in answer.out


def test_the_findings_are_json_for_scripts(cli: CommandLine, machine: dict[str, SandboxReport]) -> None:
    machine["report"] = UNSEALED
    answer = cli("doctor", "--json")
    assert answer.code == 1
    assert (answer.json["well"], answer.json["sandboxUsable"]) == (False, False)
    assert "user namespaces" in [finding["name"] for finding in answer.json["findings"]]


def test_without_a_language_model_it_says_that_names_are_not_found(
    cli: CommandLine, machine: dict[str, SandboxReport]
) -> None:
    answer = cli("doctor")
    assert answer.code == 0
    assert "ok  redaction of personal information: By form and number. NAMES OF PEOPLE AND PLACES ARE NOT" in answer.out


def test_it_says_by_which_language_model_names_are_found(
    cli: CommandLine, machine: dict[str, SandboxReport], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(listed_names(tmp_path / "models", "told", ("PERSON", "Sam"), ("GPE", "Ulm"))))
    monkeypatch.setenv("WHITEROOM_REDACTION_LANGUAGE_MODEL", "en_told")
    answer = cli("doctor")
    assert answer.code == 0
    assert "By form and number; names by en_told 1.2.3: PERSON, LOCATION." in answer.out


def test_a_language_model_that_cannot_be_had_is_a_finding_and_no_server_starts(
    cli: CommandLine, machine: dict[str, SandboxReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHITEROOM_REDACTION_LANGUAGE_MODEL", "en_core_web_nowhere")
    sentence = "redaction_language_model: The language model 'en_core_web_nowhere' is not installed"
    answer = cli("doctor")
    assert answer.code == 1
    assert f"NO  redaction of personal information: {sentence}" in answer.out
    refused = cli("up", "--port", "0", "--dev")
    assert refused.code == 1
    assert sentence in refused.err
    assert "ready" not in refused.out


def test_without_a_detector_it_says_that_such_logs_are_not_shown(
    cli: CommandLine, machine: dict[str, SandboxReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(personal, "is_installed", lambda: False)
    answer = cli("doctor")
    assert answer.code == 0
    assert "--  redaction of personal information: None: logs under it are shown to nobody." in answer.out


def test_it_says_whether_there_is_what_noise_is_made_with(
    cli: CommandLine, machine: dict[str, SandboxReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = cli("doctor").out
    assert "ok  differential privacy: Tables under it can be queried." in out
    assert "ok  synthetic data: Channels of synthetic rows can be made." in out
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    answer = cli("doctor")
    assert answer.code == 0
    assert "--  differential privacy: None: queries of tables under it are refused." in answer.out
    assert "pip install 'whiteroom[dp]'" in answer.out
    assert "--  synthetic data: None: channels of synthetic rows fail." in answer.out
    assert "pip install 'whiteroom[synthetic]'" in answer.out


@pytest.mark.parametrize("name", ["limit: memory", "disk", "container engine", "whatever comes later"])
def test_all_is_well_only_where_no_line_says_otherwise(
    cli: CommandLine, machine: dict[str, SandboxReport], name: str
) -> None:
    """Also where runs can be sealed all the same."""
    wrong = Finding(name, ok=False, detail="It is not as it should be.", remedy="Mend it.")
    machine["report"] = SandboxReport(usable=True, findings=(*SEALED.findings, wrong))
    answer = cli("doctor")
    assert answer.code == 1
    assert f"NO  {name}: It is not as it should be." in answer.out
    assert "All is well" not in answer.out
    assert f"not all is well: {name}." in answer.out
    assert cli("doctor", "--json").json["well"] is False


def test_what_is_not_installed_is_told_apart_from_what_is_well_and_from_what_is_wrong(
    cli: CommandLine, machine: dict[str, SandboxReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    answer = cli("doctor")
    assert answer.code == 0
    assert "All is well" not in answer.out
    last = answer.out.splitlines()[-1]
    assert last.endswith("Not installed: differential privacy, synthetic data.")


def test_the_exit_code_is_1_exactly_where_a_line_says_no(
    cli: CommandLine, machine: dict[str, SandboxReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("accounts", "add", "111111111111")
    for spoil in (
        lambda: None,
        lambda: cli.data.chmod(0o755),
        lambda: (cli.data / "sessions.key").write_bytes(b"short"),
        lambda: monkeypatch.setattr("whiteroom.cli.doctor.SCARCE_DISK_BYTES", 2**80),
        lambda: monkeypatch.setattr("whiteroom.cli.doctor.SCARCE_MEMORY_BYTES", 2**80),
    ):
        spoil()
        answer = cli("doctor")
        says_no = any(line.startswith("NO") for line in answer.out.splitlines())
        assert answer.code == says_no
        assert says_no != ("All is well" in answer.out)


def test_a_broken_session_key_is_told_by_the_doctor_and_by_the_server_that_does_not_start(
    cli: CommandLine, machine: dict[str, SandboxReport]
) -> None:
    cli("accounts", "add", "111111111111")
    (cli.data / "sessions.key").write_bytes(b"short")
    assert "NO  session key: The key of session tokens cannot be used" in cli("doctor").out
    refused = cli("up", "--port", "0")
    assert refused.code == 1
    assert "remove it: another is made" in refused.err


def test_what_fills_the_disk_is_told_by_kind_the_largest_first(
    cli: CommandLine, machine: dict[str, SandboxReport]
) -> None:
    assert machine
    for folder, size_bytes in (("channels", 30_000_000), ("logs", 80_000_000)):
        (cli.data / folder / "x").mkdir(parents=True)
        (cli.data / folder / "x" / "file").write_bytes(b"1" * size_bytes)
    cli.data.chmod(0o700)
    (finding,) = (one for one in cli("doctor", "--json").json["findings"] if one["name"] == "what fills the disk")
    assert finding["detail"].startswith("logs 0.07 GiB, channels 0.03 GiB")


def test_a_server_that_is_stopping_is_no_fault_of_the_s3_beside_it(
    cli: CommandLine, machine: dict[str, SandboxReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("accounts", "add", "111111111111")
    monkeypatch.setenv("WHITEROOM_S3_PORT", "8333")
    with held(cli.data / "server.json") as file:
        file.announce("http://127.0.0.1:1", dev=False, s3="http://127.0.0.1:2")
        assert "NO  S3 beside the server: Does not answer" in cli("doctor").out
        file.announce_end()
        answer = cli("doctor")
        assert "ok  server: One is stopping." in answer.out
        assert "ok  S3 beside the server: Ends with the server, which is stopping." in answer.out
        assert cli("up", "--port", "0").err.strip().endswith("is stopping: start this one in a moment.")
