"""One member's clients, and what it does with them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

from whiteroom.notebook import comparing, fetching, frames, logs, metrics, plotting, waiting
from whiteroom.notebook.answers import Answer, Rows, answer_shown
from whiteroom.notebook.logs import Events
from whiteroom.notebook.progress import Show, screen
from whiteroom.notebook.resources import CLEANROOMS, ML

AWS_DATA = str(files("whiteroom") / "wire" / "service_models")
"""What `whiteroom aws-data` prints: waiters, and the service that hands out results."""
DEVELOPMENT_REGION = "us-east-1"
ANSWERED = frozenset({CLEANROOMS, ML, "logs", "cloudwatch", "sts", "whiteroom"})
"""The services that a server of Whiteroom's answers, as boto3 calls them; S3, say, is elsewhere."""


def connect(
    endpoint_url: str | None = None,
    *,
    profile: str | None = None,
    account: str | None = None,
    region: str | None = None,
    session: boto3.Session | None = None,
) -> Member:
    """A member, by boto3's usual profiles, variables and endpoints.

    Args:
        endpoint_url: the server's; else what the profile or `AWS_ENDPOINT_URL` says, and else AWS itself.
        profile: one of those that `whiteroom accounts add` and `users add` print.
        account: twelve digits, for a server in development mode (`whiteroom up --dev`), which asks for no key.
        region: else the profile's or `AWS_REGION`'s; for `account`, us-east-1.
        session: one of your own, to which the waiters are added.

    Raises:
        ValueError: the account is not of twelve digits.
    """
    keys: dict[str, str] = {}
    if account is not None:
        if not re.fullmatch("[0-9]{12}", account):
            raise ValueError("An account has twelve digits, and no signs between them.")
        keys = {"aws_access_key_id": account, "aws_secret_access_key": "any"}
    if session is None:
        core = botocore.session.Session(profile=profile)
        if account is not None:
            region = region or core.get_config_variable("region") or DEVELOPMENT_REGION
        session = boto3.Session(botocore_session=core, region_name=region, **keys)
    return Member(session, endpoint_url)


class Member:
    """What a member of collaborations does: boto3's clients, and what goes on around them.

    Each method takes what boto3 answered of a channel, a trained model, an inference job or a query (of Create, Start,
    Get or List), or as keywords the members of a request that name one.
    """

    def __init__(self, session: boto3.Session, endpoint_url: str | None = None) -> None:
        self.session = session
        self.endpoint_url = endpoint_url
        self._clients: dict[tuple[str, bool], Any] = {}
        loader = session._session.get_component("data_loader")  # noqa: SLF001 - boto3 has no other way to it
        if AWS_DATA not in loader.search_paths:
            loader.search_paths.insert(0, AWS_DATA)  # before botocore's own, which has an empty list of waiters
        session.events.register("creating-client-class", answer_shown, unique_id="whiteroom-notebook")

    def client(self, service: str, *, checked: bool = True) -> Any:
        """boto3's client of any service, such as `logs`, `cloudwatch`, `sts`, `whiteroom`: the same each time.

        Unchecked, it sends what it is given, even where the service's model forbids it.
        """
        if (service, checked) not in self._clients:
            endpoint_url = self.endpoint_url if service in ANSWERED else None
            config = Config(parameter_validation=checked)
            self._clients[service, checked] = self.session.client(service, endpoint_url=endpoint_url, config=config)
        return self._clients[service, checked]

    @property
    def cleanrooms(self) -> Any:
        """boto3's client of AWS Clean Rooms: collaborations, memberships, tables, rules, queries."""
        return self.client(CLEANROOMS)

    @property
    def ml(self) -> Any:
        """boto3's client of AWS Clean Rooms ML: algorithms, channels, trained models, inference and export jobs."""
        return self.client(ML)

    def close(self) -> None:
        """Close the connections of every client."""
        for client in self._clients.values():
            client.close()

    def wait(
        self,
        answer: Mapping[str, Any] | None = None,
        *,
        until: str | None = None,
        show: Show | None = None,
        **request: Any,
    ) -> Answer:
        """Wait with a progress bar until it has gone well, or has the status `until`; what is answered of it then.

        An export job, which no operation gets, is named by the members of the request that started it.

        Raises:
            WaiterError: it failed, or can no longer come to that status. The error says why.
        """
        return waiting.wait(self.client, _asked(answer, request), until, waiting.Pace(show or screen()))

    def logs(self, answer: Mapping[str, Any] | None = None, **request: Any) -> Events:
        """What this member may read now of the log of a run, or of the log of a collaboration's analyses."""
        return logs.read(self.client, _asked(answer, request))

    def follow(
        self, answer: Mapping[str, Any] | None = None, *, say: Callable[[str], None] = print, **request: Any
    ) -> Events:
        """Print the log of a run as it comes, until the run has ended."""
        return logs.follow(self.client, _asked(answer, request), say)

    def metrics(
        self,
        *answers: Mapping[str, Any],
        names: Collection[str] = (),
        statistic: str = "Average",
        period: int | None = None,
        **request: Any,
    ) -> Any:
        """The metrics of one run or several as a data frame, of polars or pandas.

        Its columns are name, version, arn, metric, host, time and value.

        Args:
            *answers: which runs.
            names: of metrics; else all.
            statistic: CloudWatch's, of the values within each period.
            period: in seconds; else the shortest for which CloudWatch still has points.
            **request: or else the members of a request that name one.
        """
        points = metrics.points(self.client, _several(answers, request), statistic, period, names)
        return frames.frame(points, metrics.COLUMNS)

    def plot(
        self,
        *answers: Mapping[str, Any],
        names: Collection[str] = (),
        statistic: str = "Average",
        period: int | None = None,
        **request: Any,
    ) -> plotting.Plot:
        """The same as a picture: a panel for each metric, a line for each version and host."""
        return plotting.plot(metrics.points(self.client, _several(answers, request), statistic, period, names))

    def compare(self, *answers: Mapping[str, Any], **request: Any) -> comparing.Comparison:
        """Versions beside each other: hyperparameters, channels, metrics. Of one answer, all versions of its model."""
        return comparing.compare(self.client, _several(answers, request))

    def results(self, answer: Mapping[str, Any] | None = None, **request: Any) -> Rows:
        """What was delivered to this member: of a job or a query, or all, with ListResults' own members."""
        return fetching.results(self.client, {**(answer or {}), **request})

    def fetch(
        self, answer: Mapping[str, Any] | None = None, *, to: str | Path = "results", s3: Any = None, **request: Any
    ) -> list[Path]:
        """Bring the files of a result, or of a job's newest, into a folder of its own in `to`; where they are.

        `s3` is boto3's client of the S3 where this member's results are, if the server says that it may not read them.
        """
        return fetching.fetch(self.client, _asked(answer, request), Path(to), s3)


def _asked(answer: Mapping[str, Any] | None, request: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is meant.

    Raises:
        ValueError: nothing.
    """
    asked = {**(answer or {}), **request}
    if not asked:
        raise ValueError("Give what boto3 answered, or the members of a request, such as trainedModelArn=...")
    return asked


def _several(answers: tuple[Mapping[str, Any], ...], request: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if answers and request:
        return [{**answer, **request} for answer in answers]
    return list(answers) or [_asked(None, request)]
