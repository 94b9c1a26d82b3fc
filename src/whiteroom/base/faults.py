"""Faults: the errors that the service models define.

Fault
├── ValidationFault        400  the request breaks a constraint, or names a malformed configuration
├── AccessDenied           403  the caller may not do this
├── NotAuthorized          403  the role of the account's user does not allow it
├── ResourceNotFound       404  there is no such thing where the caller looked
├── Conflict               409  the resource's status, or another resource, forbids it now
├── QuotaExceeded          402  a limit of this deployment is reached
└── Throttled              429  the caller asks too often

The HTTP status and the members that reach the client come from the model
(wire/faults.py); a fault that the operation does not declare is answered as the
nearest one that it does.
"""


class Fault(Exception):
    """An answer that the service model defines.

    The message reaches the member: it names what they own or already know, and
    says what to do. `members` are the error shape's own (`resourceId`, `reason`);
    those that the operation's service does not model are left out on the wire.
    """

    code: str

    def __init__(self, message: str, **members: object) -> None:
        super().__init__(message)
        self.message = message
        self.members = members


class ValidationFault(Fault):
    """The request breaks a constraint of the model, or a rule that spans its members."""

    code = "ValidationException"


class AccessDenied(Fault):
    """The caller lacks the ability, the ownership or the role that this takes."""

    code = "AccessDeniedException"


class NotAuthorized(Fault):
    """The role of the account's user does not allow the operation. Every service has it, whatever it declares."""

    code = "AccessDeniedException"


class ResourceNotFound(Fault):
    """Nothing of that name exists where the caller may look."""

    code = "ResourceNotFoundException"


class Conflict(Fault):
    """The resource's status does not allow this now, or another resource depends on it."""

    code = "ConflictException"


class QuotaExceeded(Fault):
    """A limit of this deployment is reached. Members: `quotaName`, `quotaValue`."""

    code = "ServiceQuotaExceededException"


class Throttled(Fault):
    """The caller asks more often than this deployment answers."""

    code = "ThrottlingException"
