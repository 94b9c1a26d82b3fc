"""A Dockerfile's subset: what it makes of an image, and the lines that are refused."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest

from whiteroom.runtime.images.dockerfile import LineRefusedError, Recipe, follow

MINOR = platform.python_version().rpartition(".")[0]
HEAD = "FROM python\nWORKDIR /opt/ml/code\n"


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    (folder / "lib").mkdir(parents=True)
    (folder / "train.py").write_text("train")
    (folder / "requirements.txt").write_text("numpy==1\n")
    (folder / "lib" / "a.py").write_text("a")
    (folder / "lib" / "run").write_text("run")
    (folder / "lib" / "run").chmod(0o755)
    (folder / "lib" / "link").symlink_to("a.py")
    (tmp_path / "secret").write_text("secret")
    return folder


def made(context: Path, text: str) -> tuple[Recipe, dict[str, str]]:
    """What is said, and the code by path."""
    code = context.parent / f"code-{os.urandom(4).hex()}"
    recipe = follow(text, context, code)
    return recipe, {str(p.relative_to(code)): p.read_text() for p in code.rglob("*") if p.is_file()}


def test_the_whole_subset_together(context: Path) -> None:
    recipe, code = made(
        context,
        f"# a comment\nFROM python:{MINOR}-slim\n\nWORKDIR /opt/ml/code\nCOPY requirements.txt .\n"
        "RUN pip install --no-cache-dir -r requirements.txt \\\n  # between\n  && pip install 'six>=1.0' pandas==2.1\n"
        'ENV THREADS=2 NAME="a b"\nENV OLD the old form\ncopy train.py lib /opt/ml/code/\n'
        'ENTRYPOINT ["python", "train.py"]\n',
    )
    assert recipe.requirements == "numpy==1\nsix>=1.0\npandas==2.1\n"
    assert recipe.variables == {"THREADS": "2", "NAME": "a b", "OLD": "the old form"}
    assert recipe.entrypoint == ("python", "train.py")
    assert code == {
        "requirements.txt": "numpy==1\n", "train.py": "train", "a.py": "a", "run": "run", "link": "a",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "paths"),
    [
        ("COPY train.py main.py", {"main.py"}),
        ("COPY train.py sub/", {"sub/train.py"}),
        ("COPY lib lib", {"lib/a.py", "lib/run", "lib/link"}),
        ("COPY *.py ./", {"train.py"}),
        ('COPY ["train.py", "/opt/ml/code/x.py"]', {"x.py"}),
        ("COPY . .", {"train.py", "requirements.txt", "lib/a.py", "lib/run", "lib/link"}),
    ],
)
def test_files_are_copied_where_an_engine_would(context: Path, line: str, paths: set[str]) -> None:
    assert made(context, HEAD + line)[1].keys() == paths


@pytest.mark.parametrize(
    "name",
    ["python", "python:3", f"python:{MINOR}", f"python:{MINOR}-slim-bookworm", "python:slim",
     "docker.io/library/python", f"public.ecr.aws/docker/library/python:{MINOR}"],
)  # fmt: skip
def test_an_image_begins_with_this_servers_python(context: Path, name: str) -> None:
    assert made(context, f"FROM {name}")[0] == Recipe()


def test_an_entrypoint_that_is_no_list_is_a_shells(context: Path) -> None:
    assert made(context, "FROM python\nENTRYPOINT python train.py")[0].entrypoint == (
        "/bin/sh",
        "-c",
        "python train.py",
    )


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("RUN apt-get update", "only `pip install`"),
        ("RUN pip install six && rm -rf /", "only `pip install`"),
        ("RUN pip install six; rm -rf /", "only `pip install`"),
        ("RUN pip install six | sh", "only `pip install`"),
        ("RUN pip install six > /etc/x", "only `pip install`"),
        ("RUN pip install `id`", "only `pip install`"),
        ("RUN pip install six>=1.0", "in quotes"),
        ("RUN pip install 'six' <2", "in quotes"),
        ("RUN echo && pip install six", "only `pip install`"),
        ("RUN pip install $(id)", "variables"),
        ("RUN pip install ./lib", "only names"),
        ("RUN pip install -e .", "only names"),
        ("RUN pip install --target /x six", "only names"),
        ("RUN pip install -r none.txt", "no COPY has put none.txt"),
        ("RUN pip install -r /etc/passwd", "is not in /opt/ml/code"),
        ("RUN pip install -r ../secret", "`..` is not followed"),
        ("RUN pip install git+https://example.com/a", "only names"),
        ("COPY ../secret .", "leads out"),
        ("COPY out .", "leads out"),
        ("COPY outside .", "leads out"),
        ("COPY none .", "there is no none"),
        ("COPY fifo .", "neither a file nor a folder"),
        ("COPY train.py /etc/x", "is not in /opt/ml/code"),
        ("COPY train.py ../../../etc/x", "`..` is not followed"),
        ("COPY --from=other a b", "options of COPY"),
        ("COPY train.py", "no source and destination"),
        ("COPY 'train.py .", "cannot be read"),
        ("COPY <<EOF /opt/ml/code/x", "here-documents"),
        ("WORKDIR /app", "starts in /opt/ml/code"),
        ("ENV PATH=/x", "is this server's"),
        ("ENV 1=2", "sets no variable"),
        ("ENV A=$HOME", "variables"),
        ("ENTRYPOINT [1]", "no list of texts"),
        ("ENTRYPOINT []", "no list of texts"),
        ("FROM python", "begins once"),
        ("CMD train", "are followed"),
        ("USER root", "are followed"),
        ("ADD https://example.com/x /x", "are followed"),
        ("# escape=`", "are followed"),
    ],
)
def test_a_line_that_is_not_followed_is_named(context: Path, line: str, why: str) -> None:
    (context / "out").symlink_to("../secret")
    (context / "outside").mkdir()
    (context / "outside" / "x").symlink_to("../../secret")
    os.mkfifo(context / "fifo")
    with pytest.raises(LineRefusedError) as caught:
        made(context, HEAD + line)
    assert str(caught.value).startswith("Line 3 of the Dockerfile, `")
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("FROM ubuntu", "with python"),
        ("FROM python AS base", "with python"),
        ("FROM evil/python", "with python"),
        ("FROM python:2.7", "this server's Python is"),
        ("COPY a b", "FROM comes first"),
        ("", "there is no FROM"),
        ("# nothing", "there is no FROM"),
    ],
)
def test_what_begins_otherwise_is_refused(context: Path, text: str, why: str) -> None:
    with pytest.raises(LineRefusedError, match=why) as caught:
        made(context, text)
    assert str(caught.value).startswith("Line 1 of the Dockerfile")


def test_a_list_of_what_to_leave_out_is_not_passed_over(context: Path) -> None:
    (context / ".dockerignore").write_text("lib\n")
    with pytest.raises(LineRefusedError, match="dockerignore"):
        made(context, HEAD + "COPY . .")
