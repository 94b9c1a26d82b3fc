"""An image of a container engine from boto3 to its end: two instances, a base model, a killed server, inference."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from contract.runtime import engine as engines
from support.live import LiveRoom, live_room, once

pytestmark = [pytest.mark.slow, pytest.mark.services]

IMAGE = "whiteroom-tests-e2e:1"
TRAIN = """#!/opt/venv/bin/python
import json, os, socket, tarfile, time
me, data = socket.gethostname(), '/opt/ml/input/data/'
config = '/opt/ml/input/config/'
rows = sum(len(open(entry.path).readlines()) - 1 for entry in os.scandir(data + 'train'))
base = sorted(tarfile.open(data + 'base/model.tar.gz').getnames()) if os.path.isdir(data + 'base') else []
found = [socket.gethostbyname(host) != '' for host in json.load(open(config + 'resourceconfig.json'))['hosts']]
print(me, rows, base, found, flush=True)
for number in range(int(json.load(open(config + 'hyperparameters.json'))['ticks'])):
    print(me, 'tick', number, flush=True)
    time.sleep(0.02)
open('/opt/ml/model/' + me, 'w').write(me)
print(me, 'done', flush=True)
"""
SERVE = """#!/opt/venv/bin/python
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(b'')
    def do_POST(self):
        rows = self.rfile.read(int(self.headers['Content-Length'])).decode().splitlines()
        found = ','.join(sorted(os.listdir('/opt/ml/model')))
        self.answer(''.join(f'{found}:{row}\\n' for row in rows if row[0].isdigit()).encode())
    def answer(self, body):
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(('0.0.0.0', 8080), Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def engine_socket() -> Iterator[str]:
    with engines.engine() as (place, problem):
        if not place:
            pytest.skip(problem)
        engines.import_base(place)
        engines.build(place, IMAGE, {"train": TRAIN, "serve": SERVE})
        yield place
        engines.remove(place, IMAGE)


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory, engine_socket: str) -> Iterator[LiveRoom]:
    folder = tmp_path_factory.mktemp("docker") / "data"
    with live_room(folder, WHITEROOM_DOCKER_SOCKET=engine_socket) as room:
        room.association_arn = room.association(name="contained", algorithm=room.algorithm_of("contained", IMAGE))
        yield room
        room.assert_nothing_left()
        assert not list((folder / "containers").glob("[!.]*"))


def test_a_model_of_two_containers_begins_with_another_outlives_the_server_and_is_served(room: LiveRoom) -> None:
    rows = room.channel("rows")
    room.finished(rows)
    base = room.train("base", rows, ticks="1")
    room.finished(base)
    model = room.model(
        "two",
        hyperparameters={"ticks": "200"},
        resourceConfig={"instanceType": "ml.t3.medium", "volumeSizeInGB": 1, "instanceCount": 2},
        stoppingCondition={"maxRuntimeInSeconds": 120},
        dataChannels=[{"mlInputChannelArn": rows, "channelName": "train"}],
        incrementalTrainingDataChannels=[{"trainedModelArn": base, "channelName": "base"}],
    )["trainedModelArn"]
    once(lambda lines: {"algo-1 tick 5", "algo-2 tick 5"} <= set(lines), lambda: room.printed(model))
    room.kill()
    seen = len(room.printed(model))
    once(lambda lines: len(lines) > seen + 10, lambda: room.printed(model))
    room.start()
    found = room.finished(model)
    printed = room.printed(model)
    for host in ("algo-1", "algo-2"):
        own = [line.removeprefix(f"{host} ") for line in printed if line.startswith(f"{host} ")]
        found_there = f"20 ['algo-1'] {[True, True]}"
        assert own == [found_there, *(f"tick {number}" for number in range(200)), "done"]
    assert found["trainingContainerImageDigest"].startswith("sha256:")
    job = room.infer("answers", model, rows)
    room.finished(job)
    (path,) = (path for path in room.deliveries() if "/answers/" in path)
    delivered = (room.data / "objects" / "alice" / path).read_text().splitlines()
    # The artefact holds what both instances left.
    assert delivered == [f"algo-1,algo-2:{number},{number % 90}" for number in range(1, 21)]
