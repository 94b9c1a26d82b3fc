"""The errors that are AWS's protocol's own: no service model declares them, every client knows them.

Statuses are those of AWS's page on common errors.
"""

from __future__ import annotations

from enum import Enum


class ProtocolError(Enum):
    """Their names, and the HTTP status of each."""

    MISSING_AUTHENTICATION_TOKEN = ("MissingAuthenticationTokenException", 403)
    INCOMPLETE_SIGNATURE = ("IncompleteSignatureException", 403)
    INVALID_SIGNATURE = ("InvalidSignatureException", 403)
    UNRECOGNIZED_CLIENT = ("UnrecognizedClientException", 403)
    EXPIRED_TOKEN = ("ExpiredTokenException", 403)
    SERIALIZATION = ("SerializationException", 400)
    UNKNOWN_OPERATION = ("UnknownOperationException", 404)
    TOO_LARGE = ("RequestEntityTooLargeException", 413)
    UNSUPPORTED_MEDIA_TYPE = ("UnsupportedMediaTypeException", 415)
    NOT_IMPLEMENTED = ("NotImplementedException", 501)

    @property
    def code(self) -> str:
        """What `x-amzn-ErrorType` says."""
        return self.value[0]

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.value[1]


class ProtocolFault(Exception):
    """The request is refused before it reaches an operation. The message is for the client."""

    def __init__(self, error: ProtocolError, message: str) -> None:
        super().__init__(message)
        self.error = error
        self.message = message


def malformed(message: str) -> ProtocolFault:
    """A `SerializationException`: what came cannot be read as what the operation takes."""
    return ProtocolFault(ProtocolError.SERIALIZATION, message)
