"""boto3's clients, for the server and for members: made once, kept, and signed by whoever is asked for."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any, Final, Generic, Protocol, TypeVar

import botocore.session
from botocore.config import Config
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    CredentialProvider,
    CredentialResolver,
    DeferredRefreshableCredentials,
)
from botocore.exceptions import ProfileNotFound

from whiteroom.aws.identities import SERVER, Identity
from whiteroom.aws.refusals import AwsRefused, AwsUnusable, refusals

T = TypeVar("T")

CONNECT_SECONDS: Final = 10
READ_SECONDS: Final = 60
ATTEMPTS: Final = 4
"""Of one call, botocore's own with their pauses; what fails then is for whoever called."""
_CONFIG: Final = Config(
    retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
    connect_timeout=CONNECT_SECONDS,
    read_timeout=READ_SECONDS,
    user_agent_extra="whiteroom",
    max_pool_connections=16,
)
_MOST_SESSIONS: Final = 64
_MOST_CLIENTS: Final = 128
_ENDPOINT: Final = "AWS_ENDPOINT_URL"
_PASSED_ON: Final = ("AWS_CA_BUNDLE", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")


class OwnS3(Protocol):
    """An S3 of this server's own, which knows its accounts, and neither profiles nor roles."""

    @property
    def endpoint(self) -> str:
        """Its URL."""

    def key(self, account_id: str | None) -> tuple[str, str]:
        """The access key id and the secret with which the server signs for an account; None is the server itself."""


class AwsClients:
    """Clients and credentials, for threads to share. Nothing is asked of AWS before one is used.

    Raises:
        AwsUnusable: boto3 is not installed, or a profile is not there.
    """

    def __init__(
        self,
        region: str,
        own_profile: str = "",
        account_profiles: Mapping[str, str] | None = None,
        own_s3: OwnS3 | None = None,
    ) -> None:
        """Sign for the server with `own_profile` (empty: boto3's default chain), for mapped accounts with theirs.

        With `own_s3` all is asked of that, and signed with its keys.
        """
        try:
            import boto3  # noqa: PLC0415 - an extra
        except ModuleNotFoundError:
            raise AwsUnusable(
                "boto3 is not installed, which speaks to S3 and Glue: install the extra aws (pip install "
                "'whiteroom[aws]')."
            ) from None
        self._boto3_session: Callable[..., Any] = boto3.Session
        self._region = region
        self._own_profile = own_profile
        self._account_profiles = dict(account_profiles or {})
        self._own_s3 = own_s3
        self._lock = Lock()
        self._loader = botocore.session.Session().get_component("data_loader")
        self._sessions: _Kept[_Session] = _Kept(_MOST_SESSIONS)
        self._clients: _Kept[Any] = _Kept(_MOST_CLIENTS)
        for profile in filter(None, {own_profile, *self._account_profiles.values()}):
            self._require(profile)

    def client(self, service: str, identity: Identity, region: str | None = None) -> Any:
        """A boto3 client that signs as `identity`, in the server's region unless another is named.

        Raises:
            AwsRefused: the member has set no role, or one of another account.
        """
        who = self._who(identity)
        with self._lock:
            session = self._sessions.get(who, partial(self._session, identity))
            return self._clients.get(
                (who, service, region),
                lambda: session.boto3.client(
                    service,
                    region_name=region or self._region,
                    config=_CONFIG,
                    endpoint_url=None if self._own_s3 is None else self._own_s3.endpoint,
                ),
            )

    def credentials(self, identity: Identity) -> Mapping[str, str]:
        """What a child process needs to sign as `identity`, as variables of its environment.

        They are secrets, and those of a role end within the hour: they go by the child's standard input or its
        environment, never into a file.

        Raises:
            AwsRefused: as `client`; or there are none, or the role is refused.
            AwsUnreachable: they could not be had now.
        """
        with self._lock:
            session = self._sessions.get(self._who(identity), partial(self._session, identity)).botocore
        with refusals("sts:AssumeRole", identity):
            credentials = session.get_credentials()
            frozen = credentials and credentials.get_frozen_credentials()
        if not frozen:
            raise AwsRefused(f"There are no AWS credentials for {identity.words}. {_NO_CREDENTIALS}")
        token = {"AWS_SESSION_TOKEN": frozen.token} if frozen.token else {}
        return {
            "AWS_ACCESS_KEY_ID": str(frozen.access_key),
            "AWS_SECRET_ACCESS_KEY": str(frozen.secret_key),
            **token,
            "AWS_REGION": self._region,
            "AWS_DEFAULT_REGION": self._region,
            **(_endpoints(session) if self._own_s3 is None else {f"{_ENDPOINT}_S3": self._own_s3.endpoint}),
        }

    def forget(self, identity: Identity) -> None:
        """Drop what is kept for an identity, since its credentials were said to have ended: new ones are asked for."""
        try:
            who = self._who(identity)
        except AwsRefused:
            return  # nobody signs for it, and nothing is kept
        with self._lock:
            self._sessions.drop(lambda key: key == who)
            self._clients.drop(lambda key: isinstance(key, tuple) and key[0] == who)

    def _who(self, identity: Identity) -> tuple[str, ...]:
        """Whose session it is: a profile's, a role's or, of the S3 of this server's own, an account's."""
        if self._own_s3 is not None:
            return ("own", identity.account_id or "")
        if identity.account_id is None:
            return ("profile", self._own_profile)
        if profile := self._account_profiles.get(identity.account_id):
            return ("profile", profile)
        if identity.role_arn is None:
            raise AwsRefused(
                f"The account {identity.account_id} has set no role for this, and the operator has mapped no profile "
                "to it: name a roleArn of the account's own, or ask the operator to set account_profiles."
            )
        if identity.role_arn.split(":")[4:5] != [identity.account_id]:
            raise AwsRefused(
                f"The role {identity.role_arn} is not of the account {identity.account_id}: name one of its own."
            )
        return ("role", identity.role_arn, identity.session_name)

    def _session(self, identity: Identity) -> _Session:
        kind, *name = self._who(identity)
        profile = name[0] if kind == "profile" else self._own_profile
        session = botocore.session.Session(profile=profile or None)
        session.register_component("data_loader", self._loader)
        session.set_config_variable("region", self._region)
        if kind == "own" and self._own_s3 is not None:
            session.set_credentials(*self._own_s3.key(identity.account_id))
        elif kind == "role":
            own = self._sessions.get(self._who(SERVER), partial(self._session, SERVER)).botocore
            session.register_component("credential_provider", CredentialResolver([_AssumedRole(own, *name)]))
        return _Session(session, self._boto3_session(botocore_session=session))

    def _require(self, profile: str) -> None:
        try:
            botocore.session.Session(profile=profile).get_scoped_config()
        except ProfileNotFound:
            raise AwsUnusable(
                f"There is no AWS profile {profile!r}, which aws_profile or account_profiles name: add it to the "
                "server's user's ~/.aws/config, or name another one."
            ) from None


@dataclass(frozen=True, slots=True)
class _Session:
    """One session, as botocore has it and as boto3 has it around that."""

    botocore: botocore.session.Session
    boto3: Any


_NO_CREDENTIALS: Final = "Set aws_profile, or give the server credentials in one of the ways that boto3 knows."


class _AssumedRole(CredentialProvider):
    """Credentials of a role, by the server's own."""

    METHOD = CANONICAL_NAME = "whiteroom-assume-role"

    def __init__(self, own: botocore.session.Session, role_arn: str, session_name: str) -> None:
        super().__init__()
        self._own, self._role_arn, self._session_name = own, role_arn, session_name

    def load(self) -> DeferredRefreshableCredentials:
        credentials = self._own.get_credentials()
        if credentials is None:
            raise AwsRefused(f"The server has no AWS credentials to assume {self._role_arn} with. {_NO_CREDENTIALS}")
        fetcher = AssumeRoleCredentialFetcher(
            partial(self._own.create_client, config=_CONFIG),
            credentials,
            self._role_arn,
            extra_args={"RoleSessionName": self._session_name},
        )
        return DeferredRefreshableCredentials(fetcher.fetch_credentials, self.METHOD)


class _Kept(Generic[T]):
    """The last so many of what is costly to make."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """What is kept under that key, made now where it is not."""
        if key not in self._kept:
            self._kept[key] = make()
        self._kept.move_to_end(key)
        kept = self._kept[key]
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)  # whoever uses it goes on
        return kept

    def drop(self, which: Callable[[Hashable], bool]) -> None:
        """Keep no more of those."""
        for key in list(filter(which, self._kept)):
            del self._kept[key]


def _endpoints(session: botocore.session.Session) -> dict[str, str]:
    """Where the services are for that session, in boto3's own variables and its own order: first the environment's."""
    scoped = session.get_scoped_config()
    services = session.full_config.get("services", {}).get(scoped.get("services"), {})
    configured = {f"{_ENDPOINT}_{name.upper()}": keys for name, keys in services.items() if isinstance(keys, dict)}
    found = {name: keys["endpoint_url"] for name, keys in configured.items() if "endpoint_url" in keys}
    if "endpoint_url" in scoped:
        found[_ENDPOINT] = scoped["endpoint_url"]
    if _ENDPOINT in os.environ:
        found = {}  # it goes before all of a profile's
    passed = {name: value for name, value in os.environ.items() if name.startswith(_ENDPOINT) or name in _PASSED_ON}
    return found | passed
