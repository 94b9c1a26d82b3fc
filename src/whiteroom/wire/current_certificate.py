"""The certificate that new connections get: read again when its files change, and when the operator asks."""

from __future__ import annotations

import logging
import ssl
import threading
from datetime import datetime, timedelta
from pathlib import Path

from whiteroom.base.clock import Clock, utc_now
from whiteroom.wire.certificates import CertificateUnusable, read_certificate

logger = logging.getLogger(__name__)

LOOK_SECONDS = 10.0
"""How often it is looked whether the files have changed."""
TELL_AGAIN = timedelta(days=1)


class CurrentCertificate:
    """The certificate that new connections get. Safe from any thread.

    Raises:
        CertificateUnusable: there is none to begin with.
    """

    def __init__(self, cert: Path, key: Path, clock: Clock = utc_now) -> None:
        self._cert, self._key, self._clock = cert, key, clock
        self._now = read_certificate(cert, key)
        self._refused = self._told = ""
        self._told_at: datetime | None = None
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._watch, name="certificate", daemon=True)
        self._tell_of_time()

    @property
    def ends_at(self) -> datetime:
        """Until when the one in use is valid."""
        return self._now.ends_at

    @property
    def digest(self) -> bytes:
        """Of both files, as they are in use."""
        return self._now.digest

    def context(self) -> ssl.SSLContext:
        """What a new connection agrees on keys with."""
        return self._now.context

    def look(self, *, asked: bool = False) -> None:
        """Read the files again; where they are no pair, the last that were stay in use, and it is told once.

        Args:
            asked: whether the operator asks, and is told what came of it in any case.
        """
        try:
            found = read_certificate(self._cert, self._key)
        except CertificateUnusable as error:
            if asked or str(error) != self._refused:
                logger.error("The certificate in use stays: %s", error)  # noqa: TRY400 - a sentence says it
            self._refused = str(error)
            return
        self._refused = ""
        if found.digest != self._now.digest:
            self._now, self._told_at = found, None
            logger.info("New connections get the certificate %s.", found.summary)
        elif asked:
            logger.info("The certificate is the same: %s.", found.summary)
        self._tell_of_time()

    def start(self) -> None:
        """Look from now on, on a thread."""
        self._thread.start()

    def look_soon(self) -> None:
        """Look now, as the operator asks. For handlers of signals: it only wakes the thread."""
        self._wake.set()

    def close(self) -> None:
        """Look no longer."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def _watch(self) -> None:
        while not self._stopping.is_set():
            asked = self._wake.wait(LOOK_SECONDS)
            self._wake.clear()
            if self._stopping.is_set():
                return
            try:
                self.look(asked=asked)
            except Exception:
                # No descriptor or no memory is left, say: whoever renews it next is to find somebody who looks.
                logger.exception("The certificate in use stays: its files could not be read again.")

    def _tell_of_time(self) -> None:
        """Once a day, as long as there is something to tell."""
        now = self._clock()
        trouble = self._now.trouble(now)
        if trouble and (self._told_at is None or now - self._told_at >= TELL_AGAIN):
            logger.warning("The server's certificate in %s: %s", self._cert, trouble)
            self._told_at = now
