"""The errors that are AWS's protocol's own: no service model declares them, every client knows them.

Statuses are those of AWS's page on common errors.
"""

from __future__ import annotations

from enum import Enum


class ProtocolError(Enum):
    """Their names, and the HTTP status of each."""

    MISSING_AUTHENTICATION_TOKEN = ("MissingAuthenticationTokenException", 403)
    """Nothing is signed."""
    INCOMPLETE_SIGNATURE = ("IncompleteSignatureException", 403)
    """The Authorization header lacks a part, or cannot be read."""
    INVALID_SIGNATURE = ("InvalidSignatureException", 403)
    """The signature is another's, or of another request or time."""
    UNRECOGNIZED_CLIENT = ("UnrecognizedClientException", 403)
    """No such access key, or one that no longer signs."""
    EXPIRED_TOKEN = ("ExpiredTokenException", 403)
    """Temporary credentials, after their time."""
    SERIALIZATION = ("SerializationException", 400)
    """The body cannot be read in the protocol that it is said to be in."""
    UNKNOWN_OPERATION = ("UnknownOperationException", 404)
    """Nothing of AWS's has this method, path or name."""
    TOO_LARGE = ("RequestEntityTooLargeException", 413)
    """More bytes than a request may have."""
    UNSUPPORTED_MEDIA_TYPE = ("UnsupportedMediaTypeException", 415)
    """A Content-Type that the protocol does not have."""
    NOT_IMPLEMENTED = ("NotImplementedException", 501)
    """An operation of AWS's that is not answered here."""

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
