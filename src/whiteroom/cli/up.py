"""`whiteroom up`: the server."""

from __future__ import annotations

import asyncio
import gc
import logging
import resource
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from types import FrameType
from typing import Annotated, Literal, cast

import typer
import uvicorn

from whiteroom.app import Whiteroom
from whiteroom.base.locations import parse_location
from whiteroom.cli.console import console_place
from whiteroom.cli.folder import DEFAULT_DATA, Data, database_of, made_folder, require_database
from whiteroom.cli.output import say
from whiteroom.cli.problems import Problem
from whiteroom.cli.server_file import ServerFile, held, server_url
from whiteroom.cli.service_manager import READY, ServiceManager
from whiteroom.cli.tls import about, has_terminal, own_certificate
from whiteroom.console.faces import Application, Faces
from whiteroom.s3_server.identities import Owner, owners
from whiteroom.s3_server.server import S3Server, S3Unusable
from whiteroom.sealed_store import open_store
from whiteroom.settings import Settings
from whiteroom.store.sqlite import SqliteStore
from whiteroom.web.listener import PATH, MetricsListener
from whiteroom.wire.connections import Connection, Connections
from whiteroom.wire.current_certificate import CurrentCertificate
from whiteroom.wire.handshakes import Handshake

DEFAULT_S3_PORT = 8333
GRACE_SECONDS = 10
"""How long requests in flight have when the server stops."""
BACKLOG = 2048
OTHER_FILES = 512
"""Files of the server's own: its database's, runs', logs' and queries'."""


def up(
    data: Data = DEFAULT_DATA,
    host: Annotated[
        str | None, typer.Option(help="The address to listen on [default: 127.0.0.1].", show_default=False)
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="The port to listen on; 0 takes a free one [default: 8080].", show_default=False)
    ] = None,
    dev: Annotated[
        bool | None,
        typer.Option(
            "--dev/--no-dev",
            help="Take any twelve-digit access key id for the account of that number; on loopback alone.",
            show_default=False,
        ),
    ] = None,
    s3: Annotated[
        bool, typer.Option("--s3", help="Start an S3 beside it, with a bucket for each account; results go there.")
    ] = False,
) -> None:
    """Start the server, and say where it listens once it is ready.

    The data folder is made where it is missing, for you alone. SIGTERM and Ctrl+C stop the server; trainings
    that run go on without it, and the next server on the folder takes them over. SIGHUP has it read its
    certificate again (`tls_cert`), which it does by itself too.

    Examples: `whiteroom up --dev`, `whiteroom up --data /srv/whiteroom --host 0.0.0.0`
    """
    settings = made_folder(data, host=host, port=port, dev=dev)
    if s3 and settings.s3_port is None:
        settings = replace(settings, s3_port=DEFAULT_S3_PORT)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("whiteroom").setLevel(settings.log_level.upper())
    with ExitStack() as opened:
        file = opened.enter_context(held(settings.server_file))
        certificate = opened.enter_context(own_certificate(settings))
        listeners = [opened.enter_context(_listening(settings, "port"))]
        if settings.console and settings.console_port is not None:
            listeners.append(opened.enter_context(_listening(settings, "console_port")))
        _serve(settings, file, listeners, opened.enter_context(_s3_beside(settings)), certificate)


def _serve(
    settings: Settings,
    file: ServerFile,
    listeners: list[socket.socket],
    beside: S3Server | None,
    certificate: CurrentCertificate | None,
) -> None:
    """Serve until a signal comes."""
    url = server_url(settings.host, listeners[0].getsockname()[1], tls=certificate is not None)
    manager = ServiceManager()

    def ready() -> None:
        s3_url = None if beside is None else server_url(settings.host, beside.port)
        file.announce(url, dev=settings.dev, s3=s3_url)
        mode = ", in development mode" if settings.dev else ""
        say(f"Whiteroom is ready at {url}{mode}. Data: {settings.data}")
        if settings.public_url:
            say(f"Members reach it at {settings.public_url}")
        if settings.console:
            say(console_place(settings, url).sentence)
        if s3_url is not None:
            without = ", without TLS" if certificate is not None and not settings.s3_public_url else ""
            say(
                f"S3 is at {settings.s3_public_url or s3_url}{without}, with a bucket for each account, named as the "
                "account."
            )
        if watched is not None:
            say(f"Metrics for Prometheus are at {server_url(settings.metrics_host, watched.port)}{PATH}")
        manager.tell(READY)

    require_database(settings)
    with database_of(settings):
        application = Whiteroom(settings, own_s3=beside)
    if beside is not None:
        _start(beside)
    watched = _metrics_listener(settings, lambda: application.openmetrics(*about(certificate)))
    gc.collect()
    gc.freeze()  # What is there by now stays: looking through it again would hold every request up by 70 ms.
    try:
        serving, end_streams = _with_console(application, settings)
        _Server(serving, settings, ready, certificate, end_streams).run(sockets=listeners)
    finally:
        file.announce_end()
        if watched is not None:
            watched.close()
        gc.unfreeze()  # DuckDB's binding calls what is frozen at the end a leak, and says so.


class _Server(uvicorn.Server):
    """Uvicorn, which says when it is ready, and ends with exit code 0 where a signal asked it to."""

    def __init__(
        self,
        application: Application,
        settings: Settings,
        ready: Callable[[], None],
        certificate: CurrentCertificate | None,
        end_streams: Callable[[], None],
    ) -> None:
        connections = Connections(_connections_allowed(settings), settings.request_seconds)
        if certificate is None:
            accepted: Callable[..., asyncio.Protocol] = partial(Connection, connections)
        else:
            accepted = partial(Handshake, connections, certificate.context)
        config = uvicorn.Config(
            application,
            loop="uvloop",
            http=cast("type[asyncio.Protocol]", accepted),
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # nobody's address is asked for
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        super().__init__(config)
        self._ready = ready
        self._certificate = certificate
        self._end_streams = end_streams
        self._has_terminal = has_terminal()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve, then say so."""
        await super().startup(sockets=sockets)
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup has it
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._on_hangup)
        if self.started:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop serving; a page that listens in a browser holds nothing up."""
        self._end_streams()
        await super().shutdown(sockets=sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        """Stop; a second Ctrl+C does not wait for requests in flight."""
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    def _on_hangup(self) -> None:
        """Read the certificate again; or stop, where it is its terminal's last word."""
        if self._has_terminal and not has_terminal():
            self.should_exit = True
        elif self._certificate is not None:
            self._certificate.look_soon()


def _with_console(application: Whiteroom, settings: Settings) -> tuple[Application, Callable[[], None]]:
    """The server's faces, and what is done when it stops."""
    if not settings.console:
        return application, lambda: None
    from whiteroom.cli.doctor import diagnosis  # noqa: PLC0415 - a server without a console loads none of it
    from whiteroom.console.application import Console, Place  # noqa: PLC0415 - likewise
    from whiteroom.console.looking import looks  # noqa: PLC0415 - likewise

    place = Place(settings.region, settings.console_url or settings.public_url, settings.dev)
    doctor = partial(diagnosis, settings, finder=application.finder)
    seen = looks(application.machine_facts, doctor, application.bills)
    console = Console(application.inside, place, seen)
    return Faces(application, console, settings.console_port), console.streams.end


@contextmanager
def _s3_beside(settings: Settings) -> Iterator[S3Server | None]:
    """The S3 that comes along, not started yet, and stopped in the end; None where none is wanted.

    Raises:
        Problem: its address cannot be had.
    """
    if settings.s3_port is None:
        yield None
        return

    with ExitStack() as opened:
        stores: list[SqliteStore] = []

        def owners_now() -> Sequence[Owner]:
            if not stores:  # the application has made the database by now
                stores.append(open_store(settings))
                opened.callback(stores[0].close)
            with stores[0].reading() as tx:
                return owners(tx, dev=settings.dev)

        place = settings.default_result_location
        own = (parse_location(place).bucket,) if place else ()
        beside = S3Server(settings.folder("s3"), _listening(settings, "s3_port"), owners_now, own)
        try:
            yield beside
        finally:
            beside.close()


def _start(beside: S3Server) -> None:
    try:
        beside.start()
    except S3Unusable as error:
        raise Problem(str(error)) from None


def _connections_allowed(settings: Settings) -> int:
    """As many as the settings say, as far as this process may have as many files open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = settings.max_connections + OTHER_FILES
    if soft < wanted:
        soft = min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(1, min(settings.max_connections, soft - OTHER_FILES))


def _metrics_listener(settings: Settings, render: Callable[[], bytes]) -> MetricsListener | None:
    """Where Prometheus asks; None where the settings name no port for it.

    Raises:
        Problem: the address cannot be had.
    """
    if settings.metrics_port is None:
        return None
    try:
        return MetricsListener(settings.metrics_host, settings.metrics_port, render)
    except OSError as error:
        raise Problem(
            f"Cannot listen on {settings.metrics_host} port {settings.metrics_port} for Prometheus: {error.strerror}. "
            "Set another metrics_host or metrics_port."
        ) from None


def _listening(settings: Settings, setting: Literal["port", "console_port", "s3_port"]) -> socket.socket:
    """A socket that listens where the settings say, on the port of that setting.

    Raises:
        Problem: the address cannot be had.
    """
    port = getattr(settings, setting) or 0
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError:
        raise Problem(
            f"{settings.host} is not an address of this machine. Listen on 127.0.0.1, or on 0.0.0.0 for every network."
        ) from None
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise Problem(
            f"Cannot listen on {settings.host} port {port}: {error.strerror}. Another port, or a free one, is chosen "
            f"with {'--port NUMBER or --port 0' if setting == 'port' else f'the setting {setting}'}."
        ) from None
    return listener
