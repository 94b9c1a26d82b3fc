"""A key ring of AWS KMS: GenerateDataKey and Decrypt, with what is sealed as the encryption context.

The server asks with its own credentials, found as every AWS SDK finds them, in the region that the key's ARN names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from whiteroom.base.arns import parse_arn
from whiteroom.keys.wrapping import Wrapped, parsed
from whiteroom.ports.keys import DATA_KEY_BYTES, DataKey, KeyRefused, KeyTakenAway, RingUnreachable, WrongKey

AWS = "aws"
CONTEXT_KEY: Final = "whiteroom:arn"
"""What the encryption context of every key says: the ARN of what it seals. For conditions in key policies."""
_CONFIG: Final = Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2})

Client = Any
"""A botocore client of KMS."""

_REFUSALS: Final[Mapping[str, type[KeyRefused]]] = {
    "AccessDeniedException": KeyTakenAway,
    "DisabledException": KeyTakenAway,
    "InvalidKeyUsageException": KeyTakenAway,
    "KMSInvalidStateException": KeyTakenAway,
    "NotFoundException": KeyTakenAway,
    "IncorrectKeyException": WrongKey,
    "InvalidCiphertextException": WrongKey,
}
"""By KMS's error codes; any other is of the way there, and the same may succeed later."""


class AwsRing:
    """Implements `ports.KeyRing` over AWS KMS. Each call is a request to it."""

    name = AWS
    seals = True

    def __init__(self, key_arn: str, client: Callable[[str], Client] | None = None) -> None:
        """Wrap by AWS's keys.

        Args:
            key_arn: the key that wraps what no request has named a key for; empty for none.
            client: makes the client of a region; as the SDK would, where it is left out.
        """
        self._key_arn = key_arn
        self._client = lru_cache(client or _client)

    def new(self, key_arn: str, context: str) -> DataKey:
        """See `ports.KeyRing.new`."""
        key_arn = key_arn if is_kms_key(key_arn) else self._key_arn
        if not key_arn:
            raise KeyTakenAway(f"There is no key for {context}: the setting kms_key_arn names none.")
        said = self._ask(key_arn, context, "generate_data_key", NumberOfBytes=DATA_KEY_BYTES)
        return DataKey(said["Plaintext"], bytes(Wrapped(AWS, key_arn, said["CiphertextBlob"])))

    def open(self, wrapped: bytes, context: str) -> bytes:
        """See `ports.KeyRing.open`."""
        found = parsed(wrapped)
        if found.ring != AWS:
            raise WrongKey(f"What is kept of {context} was wrapped by the ring {found.ring}, not by AWS KMS.")
        key: bytes = self._ask(found.key_arn, context, "decrypt", CiphertextBlob=found.blob)["Plaintext"]
        return key

    def _ask(self, key_arn: str, context: str, operation: str, **request: object) -> Mapping[str, Any]:
        try:
            client = self._client(parse_arn(key_arn).region)
            answer: Mapping[str, Any] = getattr(client, operation)(
                KeyId=key_arn, EncryptionContext={CONTEXT_KEY: context}, **request
            )
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            refusal = _REFUSALS.get(code, RingUnreachable)
            raise refusal(_sentence(refusal, key_arn, operation, code)) from None
        except (BotoCoreError, ValueError) as error:
            raise RingUnreachable(_sentence(RingUnreachable, key_arn, operation, str(error).rstrip("."))) from None
        return answer


def is_kms_key(key_arn: str) -> bool:
    """Whether it is a key of AWS KMS, and not a name of the server's own."""
    return key_arn.startswith("arn:")


def _client(region: str) -> Client:
    return Session().create_client("kms", region_name=region, config=_CONFIG)


_CALLS: Final = {"generate_data_key": "kms:GenerateDataKey", "decrypt": "kms:Decrypt"}


def _sentence(refusal: type[KeyRefused], key_arn: str, operation: str, why: str) -> str:
    call = _CALLS[operation]
    if refusal is KeyTakenAway:
        return (
            f"AWS KMS refuses {call} with the key {key_arn} ({why}), so what it seals can be neither read nor written. "
            "Enable the key, and let the server's role use it (docs/keys.md has the policy)."
        )
    if refusal is WrongKey:
        return f"AWS KMS says that the key {key_arn} did not seal this, or not for this resource ({why})."
    return f"AWS KMS did not answer {call} with the key {key_arn} ({why}). Try again in a while."
