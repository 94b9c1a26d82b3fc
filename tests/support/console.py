"""The console in this process, and a browser that knows cookies and forms.

with open_console(tmp_path) as console:
    browser = console.browser()
    browser.sign_in("111111111111")
    browser.get("/console").text
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from html import unescape
from pathlib import Path
from typing import Any

import httpx

from whiteroom.app import Whiteroom
from whiteroom.base.callers import Role
from whiteroom.cli.doctor import diagnosis
from whiteroom.console.application import Console, Place
from whiteroom.console.faces import Faces
from whiteroom.console.looking import Looks, looks
from whiteroom.console.streams import Streams
from whiteroom.domain.resources.accounts import AccessKey, AccessKeyStatus, Account, User
from whiteroom.domain.resources.console_sessions import OPERATOR, new_link, new_secret
from whiteroom.settings import Settings
from whiteroom.store.sqlite import SqliteStore

ORIGIN = "http://127.0.0.1:8080"


@dataclass
class Browser:
    """One browser, which may have signed in."""

    runner: asyncio.Runner
    client: httpx.AsyncClient

    def get(self, path: str, **headers: str) -> httpx.Response:
        """Look at a page; nobody is led on from it."""
        return self._run(lambda: self.client.get(path, headers=headers))

    def send(self, path: str, origin: str | None = ORIGIN, **fields: str) -> httpx.Response:
        """Send a form, as a page of that origin would."""
        headers = {} if origin is None else {"origin": origin}
        return self._run(lambda: self.client.post(path, data=fields, headers=headers))

    def request(self, method: str, path: str, **what: Any) -> httpx.Response:
        """Any other request."""
        return self._run(lambda: self.client.request(method, path, **what))

    def sign_in(self, key_id: str, secret: str = "") -> httpx.Response:
        """Sign in with an access key."""
        return self.send("/console/sign-in", access_key_id=key_id, secret_access_key=secret)

    def token(self) -> str:
        """What the forms of its pages hold."""
        return form_token(self.get("/console").text)

    def press(self, path: str, **fields: str) -> httpx.Response:
        """Send a form of one of its own pages."""
        return self.send(path, form_token=self.token(), **fields)

    def _run(self, send: Callable[[], Any]) -> httpx.Response:
        async def sent() -> httpx.Response:
            response = await send()
            assert isinstance(response, httpx.Response)
            return response

        return self.runner.run(sent())


@dataclass
class OpenConsole:
    """A server without HTTP, and its console."""

    whiteroom: Whiteroom
    runner: asyncio.Runner
    dev: bool
    looks: Looks
    _clients: list[httpx.AsyncClient] = field(default_factory=list)

    @property
    def store(self) -> SqliteStore:
        """What the server keeps."""
        return self.whiteroom._store

    def browser(
        self,
        origin: str = ORIGIN,
        peer: str = "127.0.0.1",
        public_url: str = "",
        region: str = "us-east-1",
        streams: Streams | None = None,
    ) -> Browser:
        """A new one, at an address, which reaches the server under a name."""
        console = Console(self.whiteroom.inside, Place(region, public_url, self.dev), self.looks, streams)
        faces = Faces(self.whiteroom, console, None)
        transport = httpx.ASGITransport(app=faces, client=(peer, 50_000))
        client = httpx.AsyncClient(transport=transport, base_url=origin)
        self._clients.append(client)
        return Browser(self.runner, client)

    def operator(self) -> Browser:
        """A browser of the operator's, who has come by a one-time link."""
        secret = new_secret()
        with self.store.transaction() as tx:
            tx.console_links.add(new_link(OPERATOR, "", secret, self.whiteroom._clock()))
        browser = self.browser()
        assert browser.send("/console/link", secret=secret).status_code == 303
        return browser


@contextmanager
def open_console(
    folder: Path, *, dev: bool = True, clock: Callable[[], datetime] | None = None
) -> Iterator[OpenConsole]:
    """A server on a folder, and its console."""
    folder.mkdir(mode=0o700, exist_ok=True)
    settings = Settings(data=folder, dev=dev, master_key=str(folder.parent / "master.key"))
    whiteroom = Whiteroom(settings) if clock is None else Whiteroom(settings, clock)
    with asyncio.Runner() as runner:
        doctor = partial(diagnosis, settings, finder=whiteroom.finder)
        opened = OpenConsole(whiteroom, runner, dev, looks(whiteroom.machine_facts, doctor, whiteroom.bills))
        yield opened
        for client in opened._clients:
            runner.run(client.aclose())
        runner.run(whiteroom._answering.close())
    whiteroom._downloads.close()
    whiteroom._store.close()


def signed_in_as(console: OpenConsole, account_id: str, role: Role) -> Browser:
    """A browser in which a user of an account has signed in, who has that role; the user is made where it is not."""
    name, key = f"{account_id}-{role.value}", f"WRK{account_id}{role.value}"
    at = console.whiteroom._clock()
    with console.store.transaction() as tx:
        if tx.accounts.get(account_id) is None:
            tx.accounts.add(Account(account_id, "name", at))
        if tx.users.get(name) is None:
            tx.users.add(User(name, account_id, role.value, role, at))
            tx.access_keys.add(AccessKey(key, account_id, "secret", AccessKeyStatus.ACTIVE, at, name))
    browser = console.browser()
    answer = browser.sign_in(key, "secret")
    assert answer.status_code == 303, answer.text
    return browser


def form_token(page: str) -> str:
    """What the forms of a page hold."""
    found = re.search(r'name="form_token" value="([0-9a-f]+)"', page)
    assert found is not None, page
    return found.group(1)


def text_of(page: str) -> str:
    """What somebody reads of a page."""
    main = page.partition("<main")[2]
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", main)).split())
