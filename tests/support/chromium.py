"""Debian's Chromium, driven by Playwright, with axe to look at pages as an assistive technology does.

with chromium() as browser:
    page = a_page(browser, server.url)
    page.sign_in("111111111111")
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, Request, sync_playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
PHONE = {"width": 360, "height": 740}
DESK = {"width": 1280, "height": 900}


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.fail("The console is tried in a real browser: install Debian's chromium")
    with sync_playwright() as playwright:
        # The tests run as root in CI, where Chromium's own sandbox refuses to start.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Visit:
    """One window, and what it complained of."""

    context: BrowserContext
    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    """What it asked of anybody but the server."""
    received: dict[str, int] = field(default_factory=dict)
    """The bytes of each address, as they came."""

    def sign_in(self, key_id: str, secret: str = "") -> None:
        """By the form."""
        self.page.goto(f"{self.url}/console/sign-in")
        self.page.get_by_label("Access key ID").fill(key_id)
        self.page.get_by_label("Secret access key").fill(secret)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.get_by_role("button", name="Sign out").wait_for()

    def faults(self) -> list[str]:
        """What axe finds wrong with the page that is open."""
        found = Axe().run(self.page).response["violations"]
        return [f"{one['id']}: {node['html'][:200]}" for one in found for node in one["nodes"]]

    def is_wider_than_the_window(self) -> bool:
        """Whether somebody has to move the whole page to read a line."""
        wide: bool = self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        return wide


@contextmanager
def a_visit(
    browser: Browser, url: str, scheme: str = "light", size: dict[str, int] = DESK, **more: Any
) -> Iterator[Visit]:
    """A window that nobody has signed in with."""
    context = browser.new_context(color_scheme=scheme, viewport=size, **more)  # type: ignore[arg-type]  # two literals
    page = context.new_page()
    visit = Visit(context, page, url)
    page.on("console", lambda message: visit.complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: visit.complaints.append(str(error)))

    def opened(dialog: Dialog) -> None:
        visit.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    page.on("dialog", opened)

    def asked(request: Request) -> None:
        if not request.url.startswith((url, "data:")):
            visit.elsewhere.append(request.url)

    page.on("request", asked)
    yield visit
    context.close()
