"""Everything a deployment chooses. Read once, in app.py; the rest receive plain values."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from whiteroom.aws.identities import parse_account_profiles
from whiteroom.base.addresses import is_loopback, require_mail_address, require_origin
from whiteroom.base.locations import parse_location
from whiteroom.domain.execution.result_regions import BucketRegions
from whiteroom.domain.resources.quotas import Quotas

FILE_NAME = "whiteroom.toml"
"""The settings' file, in the data folder. It need not exist."""

DEFAULT_PORT = 8080


class SettingsError(Exception):
    """A setting cannot be used. The message is one sentence that names it and says what it takes.

    `names` are the fields of Settings that it is about, as far as it is about values of theirs.
    """

    def __init__(self, message: str, *names: str) -> None:
        super().__init__(message)
        self.names = names


def _at_least(minimum: int, default: int | None) -> Any:
    return field(default=default, metadata={"at_least": minimum})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the operator chose, and the defaults. Every field but `data` and `quotas` is in whiteroom.toml (`key_of`).

    Raises:
        SettingsError: a value is out of its range, or two do not go together.
    """

    data: Path
    """The folder that holds everything the server keeps."""
    host: str = "127.0.0.1"
    """The address to listen on; `0.0.0.0` for every network of the machine."""
    port: int = _at_least(0, DEFAULT_PORT)
    """The TCP port to listen on; 0 takes a free one."""
    public_url: str = ""
    """How members reach the server, as `https://HOST` or with a port: in the profiles that commands print, and so in
    what clients sign, presigned URLs among it. Empty for the address that it listens on."""
    tls_cert: str = ""
    """The PEM file of the server's certificate with its chain, for the server to speak TLS itself (docs/tls.md). It is
    read again when it changes, and on SIGHUP. Empty for plain HTTP."""
    tls_key: str = ""
    """The PEM file of that certificate's private key, which nobody but the server's user and group may read."""
    dev: bool = False
    """Development mode: any twelve-digit access key id is that account, and no signature is checked."""
    region: str = "us-east-1"
    """The server's own region: in profiles that commands print, and of log groups. Requests signed for any other are
    answered as well, and what they make outside of a collaboration is in theirs."""
    csv_header: bool = True
    """Whether the CSV files of channels and inference outputs begin with a header row."""
    channel_file_bytes: int = _at_least(1_000_000, 10**9)
    """A channel up to this many bytes is one file; above it, several."""
    max_table_bytes: int = _at_least(1_000_000, 100 * 10**9)
    """The most bytes of tables in S3 that one query may bring into its own folder, where they lie until it ends."""
    max_result_bytes: int = _at_least(1_000_000, 50 * 10**9)
    """The most bytes that a query may write, a member's or a channel's; one that has more fails with this number."""
    stop_grace_seconds: int = _at_least(0, 120)
    """How long a cancelled or overdue container has between SIGTERM and SIGKILL."""
    max_body_bytes: int = _at_least(65_536, 8 * 2**20)
    """The longest request body that is read."""
    max_connections: int = _at_least(16, 2_000)
    """How many connections there may be at a time; beyond it the one that has been idle longest is ended."""
    request_seconds: int = _at_least(1, 60)
    """How long a client may take to send a request, and to take its answer; of a download, some more of it."""
    query_memory_bytes: int | None = _at_least(256 * 2**20, None)
    """Memory for one protected query, or for synthetic rows of it; without it, a quarter of the machine's."""
    query_cpus: int | None = _at_least(1, None)
    """Processors for one protected query, or for synthetic rows of it; without it, all of them."""
    query_timeout_seconds: int = _at_least(1, 43_200)
    """How long a protected query may run, and how long synthetic rows may be made of it."""
    default_result_location: str = ""
    """Where results of queries go, as `s3://BUCKET/PREFIX`, for receivers who have set no place; empty for nowhere."""
    bucket_regions: str = ""
    """In which regions buckets of results are, as `BUCKET=REGION` with commas between: for a collaboration's
    `allowedResultRegions`, and to speak to them there. A bucket that is not listed is in the server's own `region`."""
    catalog: Literal["folder", "glue", "iceberg"] = "folder"
    """What tables refer to: `folder` is Whiteroom's own catalog (`whiteroom catalog`), `glue` AWS Glue, with tables in
    S3, `iceberg` REST catalogs of Iceberg, with tables in S3 (docs/tables.md)."""
    iceberg_catalogs: str = ""
    """Which REST catalog of pyiceberg's configuration has an account's tables: `ACCOUNT=NAME`, with commas between."""
    snowflake: bool = False
    """Read tables in Snowflake, which `tableReference.snowflake` names (docs/databases.md). UNPROVEN: no release was
    ever run against an account there. While it is false, such references are refused."""
    buckets: Literal["folder", "s3"] = "folder"
    """Where members' `s3://` locations are: folders below `objects` in the data folder, or buckets of S3."""
    data_location: str = field(default="", metadata={"key": "data"})
    """Where channels, models and checkpoints are kept, as `s3://BUCKET/PREFIX` of this server's own; empty for the data
    folder. In the environment it is `WHITEROOM_DATA_LOCATION`: `WHITEROOM_DATA` names the folder, in which the database
    and all work under way are in either case. `docs/s3.md` says more."""
    cache_bytes: int = _at_least(1_000_000, 100 * 10**9)
    """How much of what is kept in S3 may be on this machine as well; what was used longest ago makes way."""
    aws_profile: str = ""
    """The profile of the AWS configuration that the server signs with for itself, and assumes members' roles with;
    empty for the default chain of boto3."""
    account_profiles: str = ""
    """With which profiles the server signs for members, as `ACCOUNT=PROFILE` with commas between. For an account that
    is not listed it assumes the role that the member has set."""
    keys: Literal["local", "aws", "echo"] = "local"
    """Which ring of keys wraps the data keys that secrets and documents are sealed by: `local`, a master key in a file;
    `aws`, AWS KMS; `echo` seals nothing, and is for development mode alone."""
    master_key: str = ""
    """The file of the local ring's master key, which is outside of the data folder; it is made where nothing is
    sealed yet. Empty for `whiteroom/master.key` in `$XDG_STATE_HOME`; where that is not set, in `~/.local/state`, and
    for root `/var/lib/whiteroom-keys/master.key`."""
    files: Literal["plain", "sealed"] = "plain"
    """`sealed` keeps rows, models and checkpoints as sealed files, and has them open in memory alone (docs/keys.md)."""
    memory_folder: str = ""
    """With `files = "sealed"`, the folder in memory where they are open, on a tmpfs; empty for one in `/dev/shm`."""
    kms_key_arn: str = ""
    """With `keys = "aws"`, the KMS key for everything that no request has named a `kmsKeyArn` for."""
    result_retention_days: int | None = _at_least(1, None)
    """For how many days what was delivered to this server's folders can be fetched; then its files are erased."""
    undelivered_result_retention_days: int | None = _at_least(1, None)
    """For how many days files stay that a delivery has left whose job failed before all of it was delivered."""
    log_retention_days: int | None = _at_least(1, None)
    """For how many days the log of a training or an inference job is kept after its end."""
    record_retention_days: int | None = _at_least(1, None)
    """For how many days records, events and metrics are kept of jobs and queries that ended and left nothing. Each of
    these settings left out is for ever."""
    strict_keys: bool = False
    """Refuse a request with a `kmsKeyArn` where files are not sealed, instead of saying so in its events."""
    default_max_runtime_seconds: int = _at_least(1, 86_400)
    """How long a training may run that sets no `maxRuntimeInSeconds`, and how long any inference job may run."""
    ready_timeout_seconds: int = _at_least(1, 1_200)
    """How long an inference container has until it answers `/ping`."""
    processes_per_instance: int = _at_least(1, 4_096)
    """How many processes and threads one container may have at a time."""
    strict_instance_types: bool = False
    """Refuse a job whose instances are larger than this machine, instead of giving them what it has."""
    finish_revoked_work: bool = False
    """Let a training or an inference job that runs go on to its end where a table's owner takes its rule back."""
    controller_threads: int = _at_least(1, 4)
    """How many resources are worked on at a time; waiting for a container takes none."""
    lease_seconds: int = _at_least(2, 30)
    """How long the work of a controller that died stays reserved for it."""
    sandbox: Literal["required", "unsafe-no-sandbox"] = "required"
    """`required` refuses a run that cannot be isolated; `unsafe-no-sandbox` runs it with the server's own rights."""
    docker_socket: str = "/var/run/docker.sock"
    """The Unix socket of Docker or Podman, which runs the images that are not local; empty for local images alone."""
    docker_runtime: str = ""
    """Which of the engine's runtimes runs containers, such as `runsc`; empty for its default."""
    docker_pull: str = ""
    """Registries and repositories, with commas between, that images may be pulled from; empty for none."""
    redaction_language_model: str = ""
    """The spaCy pipeline that finds names of people and places in logs under the redaction of personal information: an
    installed package such as `en_core_web_lg`. Empty for none, so that names are not masked."""
    s3_port: int | None = _at_least(0, None)
    """The TCP port of an S3 beside the server, on its `host`, with a bucket for each account; results go there
    (`docs/results.md`). 0 takes a free one. Without it there is none, unless it is started with `--s3`: at 8333."""
    s3_public_url: str = ""
    """How members reach that S3, likewise. Empty for the address that it listens on. It has no TLS of
    its own: `tls_cert` is not for it (docs/tls.md)."""
    console: bool = True
    """Whether the server has a console for browsers, at `/console` (docs/console.md)."""
    console_port: int | None = _at_least(1, None)
    """The TCP port of the console, where it is to have one of its own: then there is none beside the API."""
    console_url: str = ""
    """How browsers reach the console, as `https://HOST` or with a port, where that is not `public_url`."""
    metrics_host: str = "127.0.0.1"
    """The address of `/metrics` for the operator's Prometheus. Whoever reaches it can read it: keep members away."""
    metrics_port: int | None = _at_least(0, None)
    """The TCP port of `/metrics`; 0 takes a free one. Without it there is none."""
    smtp_host: str = ""
    """The mail server that e-mail for members is handed in at (docs/notifications.md); empty for none."""
    smtp_port: int = _at_least(1, 587)
    """Its TCP port."""
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    """How mail is kept secret on the way there: `starttls`, or `tls` from the first byte on, as on port 465. `none`
    sends it in the clear, and no password with it."""
    smtp_from: str = ""
    """The address that e-mail comes from."""
    smtp_user: str = ""
    """Who signs in there; empty for nobody."""
    smtp_password_file: str = ""
    """The file whose first line is that user's password."""
    withhold_query_text: bool = False
    """Leave the SQL of queries and their parameters' values out of analysis logs, for everyone; a digest stays."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """How much the server's own log says."""
    quotas: Quotas = field(default_factory=lambda: Quotas({}))
    """How many of each thing are allowed, by quota name; AWS's defaults."""

    def __post_init__(self) -> None:
        for item in dataclasses.fields(self):
            minimum, value = item.metadata.get("at_least"), getattr(self, item.name)
            if minimum is not None and value is not None and value < minimum:
                raise SettingsError(f"{item.name} is {value}; it must be at least {minimum}.", item.name)
        if not self.host:
            raise SettingsError("host is empty; it must be an address to listen on, such as 127.0.0.1.", "host")
        self._require_texts()
        self._check_keys()
        self._check_tls()
        self._check_mail()
        for name in ("port", "console_port", "s3_port", "metrics_port", "smtp_port"):
            if (port := getattr(self, name) or 0) > 65_535:
                raise SettingsError(f"{name} is {port}; it must be at most 65535.", name)
        if self.dev and not is_loopback(self.host):
            raise SettingsError(
                f"Development mode trusts whoever connects, so it listens on loopback alone, and host is {self.host}: "
                "leave dev out, or listen on 127.0.0.1.",
                "dev",
                "host",
            )

    def _require_texts(self) -> None:
        """SettingsError where a text is not of its form."""
        parsers: Mapping[str, Callable[[str], object]] = {
            "default_result_location": parse_location,
            "data_location": parse_location,
            "bucket_regions": lambda text: BucketRegions.parse(self.region, text),
            "account_profiles": parse_account_profiles,
            "iceberg_catalogs": parse_account_profiles,
            "public_url": require_origin,
            "console_url": require_origin,
            "s3_public_url": require_origin,
            "smtp_from": require_mail_address,
        }
        for name, parse in parsers.items():
            try:
                if text := getattr(self, name):
                    parse(text)
            except ValueError as error:
                hint = " --data and WHITEROOM_DATA name the data folder." if name == "data_location" else ""
                raise SettingsError(f"{key_of(name)}: {error}{hint}", name) from None

    def _check_keys(self) -> None:
        if self.keys == "aws" and not self.kms_key_arn.startswith("arn:"):
            raise SettingsError(
                'keys is "aws", and kms_key_arn names no key: set it to the ARN of a key in AWS KMS.',
                "keys",
                "kms_key_arn",
            )
        if self.keys == "echo" and self.files == "sealed":
            raise SettingsError(
                'files is "sealed", and keys is "echo", which seals nothing: leave one of them out.', "files", "keys"
            )
        for name in ("master_key", "memory_folder", "tls_cert", "tls_key"):
            if (path := getattr(self, name)) and not Path(path).is_absolute():
                raise SettingsError(f"{name} is {path}; it must be an absolute path.", name)

    def _check_tls(self) -> None:
        if bool(self.tls_cert) != bool(self.tls_key):
            given, missing = ("tls_cert", "tls_key") if self.tls_cert else ("tls_key", "tls_cert")
            raise SettingsError(f"{given} is set and {missing} is not: set both, or leave both out.", given)
        for name in ("public_url", "console_url"):
            if self.tls_cert and (url := getattr(self, name)).startswith("http://"):
                raise SettingsError(
                    f"{name} is {url}, and with tls_cert the server speaks https alone: write https.", name, "tls_cert"
                )

    def _check_mail(self) -> None:
        if self.smtp_host and not self.smtp_from:
            raise SettingsError(
                "smtp_host is set, and smtp_from is not: name the address that mails come from.", "smtp_from"
            )
        if self.smtp_user and self.smtp_security == "none":
            raise SettingsError(
                'smtp_security is "none", and smtp_user has a password: it would be sent in the clear. Leave one out.',
                "smtp_security",
                "smtp_user",
            )
        if self.smtp_user and not self.smtp_password_file:
            raise SettingsError("smtp_user is set, and smtp_password_file is not: name the file.", "smtp_password_file")

    @property
    def database(self) -> Path:
        """The SQLite file with all state."""
        return self.data / "whiteroom.db"

    @property
    def regions_of_buckets(self) -> BucketRegions:
        """Where buckets of results are."""
        return BucketRegions.parse(self.region, self.bucket_regions)

    @property
    def profiles_of_accounts(self) -> Mapping[str, str]:
        """The profile of the AWS configuration that is mapped to each account."""
        return parse_account_profiles(self.account_profiles)

    @property
    def signed_for(self) -> Collection[str] | None:
        """Accounts at whose buckets the server signs by their profiles; None where it needs nobody's role for any."""
        return None if self.buckets == "folder" or self.s3_port is not None else self.profiles_of_accounts

    @property
    def server_file(self) -> Path:
        """Locked by the server that runs on this folder; says where it listens."""
        return self.data / "server.json"

    @property
    def noise_key(self) -> Path:
        """Where earlier releases kept what the noise of metrics is drawn from."""
        return self.data / "noise.key"

    @property
    def sessions_key(self) -> Path:
        """Where earlier releases kept what session tokens are sealed with."""
        return self.data / "sessions.key"

    def folder(self, name: Folder) -> Path:
        """A folder inside the data folder, made by whoever uses it first."""
        return self.data / name


# fmt: off
Folder = Literal[
    "channels", "runs", "logs", "artefacts", "bases", "checkpoints", "objects", "uploads", "images", "catalog",
    "queries", "results", "originals", "cache", "s3", "sealed",
]
# fmt: on
"""The folders inside the data folder: rows of channels, work of running containers, their logs,
kept models, models that others go on from, checkpoints of trainings that are under way, delivered results,
notes of what is on its way to members' buckets, local images, the catalog, work of queries, rows of members' queries
until they are delivered, rows of queries until synthetic ones are made of them, what is here of data that is kept
in S3, the S3 beside the server, and what is kept sealed."""


def key_of(name: str) -> str:
    """What a setting is called in whiteroom.toml."""
    metadata = next(item.metadata for item in dataclasses.fields(Settings) if item.name == name)
    return str(metadata.get("key", name))
