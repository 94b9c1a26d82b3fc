import io
import os
import signal
import tarfile
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from contract.runtime.conftest import LIMITS, Runs
from whiteroom.domain.execution.runs import EndReason, RunId, TransformRun

SERVER = """
import http.server, os, sys
model = open('/opt/ml/model/weights').read()
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(200 if self.path == '/ping' else 404, b'')
    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        rows = body.decode().splitlines()
        if any('poison' in row for row in rows):
            return self.answer(400, b'')
        if any('die' in row for row in rows):
            os._exit(9)
        self.answer(200, '\\n'.join(f'{model}:{row}' for row in rows).encode())
    def answer(self, status, body):
        self.send_response(status)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *a):
        pass
http.server.ThreadingHTTPServer(('0.0.0.0', 8080), H).serve_forever()
"""


def transform(runs: Runs, rows: str, *, program: str = SERVER, archive: Path | None = None) -> TransformRun:
    inputs = runs.rows("inputs")
    (inputs / "part-0.csv").write_text(rows)
    if archive is None:
        archive = runs.rows("models") / "model.tar.gz"
        write_archive(archive, "weights", b"m")
    return TransformRun(
        id=RunId(f"transform-{os.getpid()}-{next(runs.numbers)}"),
        job_name="scores",
        job_arn="arn:aws:cleanrooms-ml:us-east-1:111111111111:membership/m/trained-model-inference-job/i",
        image_uri="image",
        image_digest=runs.build(program, verb="serve"),
        environment={},
        model_archive=runs.ref(archive),
        input_data=runs.ref(inputs),
        content_type="text/csv",
        header=False,
        accept=None,
        max_payload_mb=None,
        instance_type="ml.m5.large",
        instance_count=1,
        region="us-east-1",
        limits=LIMITS,
        ready_timeout_seconds=10,
        stop_grace_seconds=1,
    )


def write_archive(path: Path, name: str, data: bytes) -> None:
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))


def test_every_file_is_put_through_the_served_model(runs: Runs) -> None:
    run = transform(runs, "1,2\n3,4\n")
    runs.runtime.start(run)
    end = runs.finish(run.id)
    assert (end.reason, end.exit_code) == (EndReason.EXITED, 0), (end, list(runs.runtime.logs(run.id)))
    assert (runs.left(run.id)[0][1] / "part-0.csv.out").read_text() == "m:1,2\nm:3,4\n"


def test_one_image_trains_and_serves_what_it_trained(runs: Runs) -> None:
    code = runs.folder / "both"
    code.mkdir()
    (code / "train.py").write_text("open('/opt/ml/model/weights', 'w').write('w')\n")
    (code / "serve.py").write_text(SERVER)
    digest = runs.runtime.images.build("both", code).digest
    training = replace(runs.run_of(""), image_digest=digest)
    runs.runtime.start(training)
    assert runs.finish(training.id).exit_code == 0, list(runs.runtime.logs(training.id))
    archive = runs.rows("models") / "trained.tar.gz"
    write_archive(archive, "weights", (runs.left(training.id)[0][0] / "weights").read_bytes())
    run = replace(transform(runs, "1\n", archive=archive), image_digest=digest)
    runs.runtime.start(run)
    assert runs.finish(run.id).exit_code == 0, list(runs.runtime.logs(run.id))
    assert (runs.left(run.id)[0][1] / "part-0.csv.out").read_text() == "w:1\n"


def test_a_bad_record_fails_the_transform_and_names_its_file(runs: Runs) -> None:
    run = transform(runs, "1,2\npoison\n")
    runs.runtime.start(run)
    end = runs.finish(run.id)
    assert end.reason is EndReason.TRANSFORM
    assert "part-0.csv" in end.message
    assert "poison" not in end.message


def test_several_instances_share_out_the_files_and_each_serves_on_a_network_of_its_own(runs: Runs) -> None:
    run = replace(transform(runs, "0\n"), instance_count=3)
    for number in range(1, 5):
        (runs.rows("inputs") / f"part-{number}.csv").write_text(f"{number}\n")
    runs.runtime.start(run)
    end = runs.finish(run.id)
    assert (end.reason, end.exit_code) == (EndReason.EXITED, 0), (end, list(runs.runtime.logs(run.id)))
    left = {one.host: list(runs.data.list(one.output)) for one in runs.runtime.output(run.id)}
    assert sorted(name for names in left.values() for name in names) == [f"part-{n}.csv.out" for n in range(5)]
    assert [len(names) for names in left.values()] == [1, 2, 2]


def test_an_instance_without_a_file_of_its_own_serves_nothing_and_fails_nothing(runs: Runs) -> None:
    run = replace(transform(runs, "1\n"), instance_count=2)
    runs.runtime.start(run)
    assert runs.finish(run.id).exit_code == 0
    assert [len(runs.data.list(one.output)) for one in runs.runtime.output(run.id)] == [0, 1]


def test_a_bad_record_on_one_instance_leaves_the_files_of_the_others_whole(runs: Runs) -> None:
    run = replace(transform(runs, "poison\n"), instance_count=2)
    (runs.rows("inputs") / "part-1.csv").write_text("1\n")
    runs.runtime.start(run)
    end = runs.finish(run.id)
    assert (end.reason, end.host) == (EndReason.TRANSFORM, "algo-1")
    assert [name for left in runs.runtime.output(run.id) for name in runs.data.list(left.output)] == ["part-1.csv.out"]


def test_an_instance_that_dies_while_serving_stops_the_others_and_is_named(runs: Runs) -> None:
    run = replace(transform(runs, "1\n"), instance_count=2)
    (runs.rows("inputs") / "part-1.csv").write_text("die\n")
    runs.runtime.start(run)
    end = runs.finish(run.id)
    assert (end.reason, end.exit_code, end.host) == (EndReason.EXITED, 9, "algo-2")


def test_a_program_that_dies_while_serving_ends_with_its_own_exit_code(runs: Runs) -> None:
    run = transform(runs, "die\n")
    runs.runtime.start(run)
    end = runs.finish(run.id)
    assert (end.reason, end.exit_code) == (EndReason.EXITED, 9)


def test_a_program_that_ends_well_before_its_work_is_done_has_failed(runs: Runs) -> None:
    run = transform(runs, "1\n", program="print('done already')")
    runs.runtime.start(run)
    assert runs.finish(run.id).reason is EndReason.TRANSFORM


def test_a_transform_can_be_stopped(runs: Runs) -> None:
    run = transform(runs, "1\n", program="import time\nprint('up', flush=True)\ntime.sleep(3600)")
    runs.runtime.start(run)
    runs.until_logged(run.id, "up")
    runs.runtime.stop(run.id, 0)
    assert runs.finish(run.id).reason is EndReason.STOPPED


@pytest.mark.parametrize("name", ["../weights", "/weights"])
def test_an_archive_that_leads_out_is_refused(runs: Runs, name: str) -> None:
    archive = runs.rows("models") / "bad.tar.gz"
    write_archive(archive, name, b"m")
    run = transform(runs, "1\n", archive=archive)
    runs.runtime.start(run)
    end = runs.finish(run.id)
    assert end.reason is EndReason.TRANSFORM
    assert "archive" in end.message


def test_a_client_that_is_killed_is_a_death_of_the_machine_and_not_the_programs(runs: Runs) -> None:
    hangs = SERVER.replace(
        "    def do_POST(self):\n", "    def do_POST(self):\n        import time; time.sleep(3600)\n"
    )
    run = transform(runs, "1,2\n", program=hangs)
    runs.runtime.start(run)
    runs.until(lambda: "at a time" in runs.text(run.id, "platform"))
    runs.fork_of(run.id).send_signal(signal.SIGKILL)
    end = runs.finish(run.id)
    assert (end.reason, end.message) == (EndReason.MACHINE, "The batch transform's client was killed.")


def test_an_unpacker_that_is_killed_is_a_death_of_the_machine_and_not_the_archives(runs: Runs) -> None:
    """The archive is a FIFO that nobody writes to: it is waited for."""
    archive = runs.rows("models") / "model.fifo"
    os.mkfifo(archive)
    run = transform(runs, "1,2\n", archive=archive)
    runs.runtime.start(run)
    runs.until((runs.run_folder(run.id) / "supervisor.json").exists)
    runs.until(lambda: len(psutil.Process(runs.supervisor_of(run.id)).children()) == 1)
    runs.fork_of(run.id).send_signal(signal.SIGKILL)
    assert runs.finish(run.id).reason is EndReason.MACHINE
