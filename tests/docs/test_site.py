"""The documentation as a site: every page has a place in it, and every link in it leads somewhere."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MKDOCS = ROOT / ".venv-site" / "bin" / "mkdocs"

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not MKDOCS.exists():
        pytest.fail("`make test-services` makes .venv-site")
    place = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [str(MKDOCS), "build", "--strict", "--site-dir", str(place)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return place


def test_every_page_is_in_the_site_and_no_link_in_it_is_broken(site: Path) -> None:
    pages = {page.relative_to(ROOT / "docs").with_suffix(".html") for page in (ROOT / "docs").rglob("*.md")}
    made = {page.relative_to(site) for page in site.rglob("*.html")}
    # A README is the index of its folder.
    assert {page.with_name("index.html") if page.stem == "README" else page for page in pages} <= made
    assert {Path("index.html"), Path("changelog.html"), Path("contributing.html")} <= made


def test_a_page_of_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    loads = re.compile(r"""<(?:script|img|iframe|link)\b[^>]*>""")
    elsewhere = re.compile(r"""(?:src|href)=["']?(?:https?:)?//""")
    tags = [tag for page in site.rglob("*.html") for tag in loads.findall(page.read_text())]
    assert len(tags) > 100
    assert [tag for tag in tags if elsewhere.search(tag)] == []


def test_page_one_has_the_picture_and_leads_on_to_the_first_room(site: Path) -> None:
    first = (site / "index.html").read_text()
    assert 'src="how-it-works.svg"' in first
    assert (site / "how-it-works.svg").is_file()
    assert 'href="first-room.html"' in first
