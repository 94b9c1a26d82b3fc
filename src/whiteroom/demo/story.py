"""What the three organisations do, in order, with nothing but boto3.

Sky Airlines has flights, the Weather Office has weather, and Delay Lab has an algorithm. Neither
table may be seen by anyone but its owner; still one model learns from both.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

AIRLINE, WEATHER, LAB = "111111111111", "222222222222", "333333333333"
NAMES = {AIRLINE: "Sky Airlines", WEATHER: "Weather Office", LAB: "Delay Lab"}
IMAGE = "delay-lab/late-arrivals:1"
BUCKET = "delay-lab"
"""Delay Lab's, where an account may call its bucket as it likes."""

FLIGHT_COLUMNS = """f.hour, f.distance, f.carrier, f.origin, f.dest, f.sched_dep_time, f.sched_arr_time,
       dayofweek(make_date(f.year, f.month, f.day)) AS weekday"""
LATE = "CASE WHEN f.arr_delay > 30 THEN 1 ELSE 0 END AS late"
JOINT = f"""
SELECT {FLIGHT_COLUMNS},
       w.temp, w.dewp, w.humid, w.wind_dir, w.wind_speed, w.wind_gust, w.precip, w.pressure, w.visib,
       {LATE}
  FROM flights AS f
  JOIN weather AS w ON f.origin = w.origin AND f.time_hour = w.time_hour
 WHERE f.arr_delay IS NOT NULL AND f.month BETWEEN {{first}} AND {{last}}"""
ALONE = f"""
SELECT {FLIGHT_COLUMNS},
       {LATE}
  FROM flights AS f
 WHERE f.arr_delay IS NOT NULL AND f.month BETWEEN 1 AND 9"""

Say = Callable[[str], None]
Clients = Callable[[str, str], Any]
"""A boto3 client of a service, signing for an account."""


class StoryFailed(Exception):
    """Something did not end as the story wants it."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that was tried and refused."""

    who: str
    tried: str
    reason: str


@dataclass(frozen=True, slots=True)
class Trained:
    """One model version, and where its predictions for December were delivered."""

    title: str
    arn: str
    version: str
    seconds: float
    rows: int
    predictions: str
    """The delivered folder's path below Delay Lab's bucket."""


@dataclass(slots=True)
class Outcome:
    """What the story leaves for the report."""

    collaboration_id: str = ""
    trained: list[Trained] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    channels: dict[str, int] = field(default_factory=dict)
    export: str = ""


class Story:
    """One run of the demo. Every call goes through `clients`; nothing else touches the server."""

    def __init__(self, clients: Clients, say: Say, bucket: str = BUCKET) -> None:
        self.say = say
        self.bucket = bucket
        self.rooms = {account: clients("cleanrooms", account) for account in NAMES}
        self.ml = {account: clients("cleanroomsml", account) for account in NAMES}
        self.outcome = Outcome()
        self.membership: dict[str, str] = {}
        self.association_of_table: dict[str, tuple[str, str]] = {}
        self.algorithm = ""

    def run(self) -> Outcome:
        """The whole story."""
        self.meet()
        self.contribute(AIRLINE, "flights")
        self.contribute(WEATHER, "weather")
        self.bring_algorithm()
        self.allow(AIRLINE, "flights")
        self.try_before_weather_allows()
        self.allow(WEATHER, "weather")
        train, newer, december, alone = self.make_channels()
        self.train_and_compare(train, newer, december, alone)
        self.try_what_nobody_may(train)
        return self.outcome

    def meet(self) -> None:
        """Delay Lab founds the collaboration; all three join it."""
        self.say("Delay Lab founds a collaboration; Sky Airlines and the Weather Office join")
        yes = {"isResponsible": True}
        pays = {"queryCompute": yes, "machineLearning": {"modelTraining": yes, "modelInference": yes}}
        collaboration = self.rooms[LAB].create_collaboration(
            name="Late arrivals",
            description="Does the weather tell which flights will be late?",
            creatorDisplayName=NAMES[LAB],
            creatorMemberAbilities=["CAN_QUERY", "CAN_RECEIVE_RESULTS"],
            creatorMLMemberAbilities={
                "customMLMemberAbilities": ["CAN_RECEIVE_MODEL_OUTPUT", "CAN_RECEIVE_INFERENCE_OUTPUT"]
            },
            creatorPaymentConfiguration=pays,
            members=[
                {"accountId": account, "memberAbilities": [], "displayName": NAMES[account]}
                for account in (AIRLINE, WEATHER)
            ],
            queryLogStatus="DISABLED",
        )["collaboration"]
        self.outcome.collaboration_id = collaboration["id"]
        for account in NAMES:
            accepts = {"paymentConfiguration": pays} if account == LAB else {}
            self.membership[account] = self.rooms[account].create_membership(
                collaborationIdentifier=collaboration["id"], queryLogStatus="DISABLED", **accepts
            )["membership"]["id"]
        self.ml[LAB].put_ml_configuration(
            membershipIdentifier=self.membership[LAB],
            defaultOutputLocation={
                "roleArn": role(LAB),
                "destination": {"s3Destination": {"s3Uri": f"s3://{self.bucket}/results"}},
            },
        )

    def contribute(self, owner: str, table: str) -> None:
        """An owner configures its table: no one ever reads its rows, and only for an additional analysis at that."""
        self.say(f"{NAMES[owner]} contributes {table}, for additional analyses only")
        rooms = self.rooms[owner]
        columns = {
            "flights": (
                "year month day hour time_hour carrier origin dest distance sched_dep_time sched_arr_time arr_delay"
            ),
            "weather": "origin time_hour temp dewp humid wind_dir wind_speed wind_gust precip pressure visib",
        }
        configured = rooms.create_configured_table(
            name=table,
            tableReference={"glue": {"databaseName": "nyc", "tableName": table}},
            allowedColumns=columns[table].split(),
            analysisMethod="DIRECT_QUERY",
        )["configuredTable"]["id"]
        rooms.create_configured_table_analysis_rule(
            configuredTableIdentifier=configured,
            analysisRuleType="CUSTOM",
            analysisRulePolicy={
                "v1": {
                    "custom": {
                        "allowedAnalyses": ["ANY_QUERY"],
                        "allowedAnalysisProviders": [LAB],
                        "additionalAnalyses": "REQUIRED",
                    }
                }
            },
        )
        association = rooms.create_configured_table_association(
            name=table,
            membershipIdentifier=self.membership[owner],
            configuredTableIdentifier=configured,
            roleArn=role(owner),
        )["configuredTableAssociation"]["id"]
        self.association_of_table[table] = (owner, association)

    def bring_algorithm(self) -> None:
        """Delay Lab brings its image, with a privacy policy that everyone can read."""
        self.say(f"Delay Lab brings the algorithm {IMAGE} and its privacy policy")
        configured = self.ml[LAB].create_configured_model_algorithm(
            name="late-arrivals",
            roleArn=role(LAB),
            trainingContainerConfig={
                "imageUri": IMAGE,
                "metricDefinitions": [{"name": "train:loss", "regex": r"train_loss=([0-9.]+)"}],
            },
            inferenceContainerConfig={"imageUri": IMAGE},
        )["configuredModelAlgorithmArn"]
        self.algorithm = self.ml[LAB].create_configured_model_algorithm_association(
            membershipIdentifier=self.membership[LAB],
            configuredModelAlgorithmArn=configured,
            name="late-arrivals",
            privacyConfiguration={
                "policies": {
                    "trainedModels": {"maxArtifactSize": {"unit": "GB", "value": 0.1}},
                    "trainedModelExports": {"maxSize": {"unit": "GB", "value": 0.1}, "filesToExport": ["MODEL"]},
                    "trainedModelInferenceJobs": {"maxOutputSize": {"unit": "GB", "value": 0.1}},
                }
            },
        )["configuredModelAlgorithmAssociationArn"]

    def allow(self, owner: str, table: str) -> None:
        """An owner allows this one algorithm to be trained on rows of its table."""
        self.say(f"{NAMES[owner]} allows the algorithm on {table}")
        _, association = self.association_of_table[table]
        self.rooms[owner].create_configured_table_association_analysis_rule(
            membershipIdentifier=self.membership[owner],
            configuredTableAssociationIdentifier=association,
            analysisRuleType="CUSTOM",
            analysisRulePolicy={
                "v1": {"custom": {"allowedResultReceivers": [], "allowedAdditionalAnalyses": [self.algorithm]}}
            },
        )

    def try_before_weather_allows(self) -> None:
        """A channel over a table whose owner has not allowed the algorithm fails, and says why."""
        arn = self.start_channel("too-early", JOINT.format(first=1, last=9))
        details = self.wait_for_channel(arn, "CREATE_FAILED")["statusDetails"]
        self.refused(LAB, "makes a channel over weather before its owner has allowed the algorithm", details["message"])

    def make_channels(self) -> tuple[str, str, str, str]:
        """The four channels, made by one query each."""
        wanted = {
            "january-to-september": JOINT.format(first=1, last=9),
            "october-and-november": JOINT.format(first=10, last=11),
            "december": JOINT.format(first=12, last=12),
            "flights-alone": ALONE,
        }
        self.say("Delay Lab makes four channels by SQL: nobody sees their rows")
        arns = {name: self.start_channel(name, sql) for name, sql in wanted.items()}
        for name, arn in arns.items():
            self.outcome.channels[name] = self.wait_for_channel(arn)["numberOfRecords"]
            self.say(f"  {name}: {self.outcome.channels[name]:,} rows")
        train, newer, december, alone = arns.values()
        return train, newer, december, alone

    def train_and_compare(self, train: str, newer: str, december: str, alone: str) -> None:
        """Three trainings, each judged on December; the last one's model is exported to Delay Lab."""
        joint = self.train("joint", "Flights and weather", train, december)
        self.train("alone", "Flights alone", alone, december)
        second = self.train(
            "joint-v2", "Flights and weather, version 2", newer, december, base=(joint.arn, joint.version)
        )
        self.say("Delay Lab exports version 2 to itself: the policy allows the model, and nothing else")
        self.ml[LAB].start_trained_model_export_job(
            name="to-delay-lab",
            membershipIdentifier=self.membership[LAB],
            trainedModelArn=second.arn,
            trainedModelVersionIdentifier=second.version,
            outputConfiguration={"members": [{"accountId": LAB}]},
        )
        self.wait(
            lambda: self.ml[LAB].list_collaboration_trained_model_export_jobs(
                collaborationIdentifier=self.outcome.collaboration_id, trainedModelArn=second.arn
            )["collaborationTrainedModelExportJobs"][0]
        )
        self.outcome.export = f"results/{self.outcome.collaboration_id}/joint-v2/{LAB}/to-delay-lab/model.tar.gz"

    def train(self, name: str, title: str, channel: str, december: str, base: tuple[str, str] | None = None) -> Trained:
        """Train one version, then put December through it."""
        self.say(f"Delay Lab trains '{title}'" + (", going on from version 1" if base else ""))
        ml, membership = self.ml[LAB], self.membership[LAB]
        incremental: dict[str, Any] = {}
        if base:
            incremental = {"incrementalTrainingDataChannels": [{"trainedModelArn": base[0], "channelName": "base"}]}
        started = time.monotonic()
        created = ml.create_trained_model(
            membershipIdentifier=membership,
            name=name,
            configuredModelAlgorithmAssociationArn=self.algorithm,
            hyperparameters={"trees": "30", "learning_rate": "0.1", "depth": "4"},
            resourceConfig={"instanceType": "ml.m5.xlarge", "volumeSizeInGB": 5},
            stoppingCondition={"maxRuntimeInSeconds": 600},
            dataChannels=[{"mlInputChannelArn": channel, "channelName": "train"}],
            **incremental,
        )
        arn = created["trainedModelArn"]
        model = self.wait(lambda: ml.get_trained_model(membershipIdentifier=membership, trainedModelArn=arn))
        seconds = time.monotonic() - started
        version = model["versionIdentifier"]
        self.say(f"  trained in {seconds:.1f} s; now December is put through it")
        explicit = {"trainedModelVersionIdentifier": version} if base else {}
        job = ml.start_trained_model_inference_job(
            membershipIdentifier=membership,
            name=f"{name}-december",
            trainedModelArn=arn,
            resourceConfig={"instanceType": "ml.m5.xlarge"},
            dataSource={"mlInputChannelArn": december},
            outputConfiguration={"accept": "text/csv", "members": [{"accountId": LAB}]},
            **explicit,
        )["trainedModelInferenceJobArn"]
        self.wait(
            lambda: ml.get_trained_model_inference_job(membershipIdentifier=membership, trainedModelInferenceJobArn=job)
        )
        trained = Trained(
            title,
            arn,
            version,
            seconds,
            self.rows_of(channel),
            f"results/{self.outcome.collaboration_id}/{name}/{LAB}/{name}-december",
        )
        self.outcome.trained.append(trained)
        return trained

    def try_what_nobody_may(self, channel: str) -> None:
        """What is refused, each with the reason that the server gives."""
        self.say("And what is refused:")
        model = self.outcome.trained[-1]
        schema = self.rooms[LAB].get_schema(collaborationIdentifier=self.outcome.collaboration_id, name="flights")[
            "schema"
        ]
        direct = next(row for row in schema["schemaStatusDetails"] if row["analysisType"] == "DIRECT_ANALYSIS")
        self.refused(
            LAB,
            "reads rows of flights by a direct query",
            f"{direct['status']}: {direct['reasons'][0]['message']}",
        )
        self.expect_refusal(
            WEATHER,
            "exports the model that it did not train",
            lambda: self.ml[WEATHER].start_trained_model_export_job(
                name="for-us-too",
                membershipIdentifier=self.membership[WEATHER],
                trainedModelArn=model.arn,
                outputConfiguration={"members": [{"accountId": WEATHER}]},
            ),
        )
        self.expect_refusal(
            AIRLINE,
            "starts a training",
            lambda: self.ml[AIRLINE].create_trained_model(
                membershipIdentifier=self.membership[AIRLINE],
                name="ours",
                configuredModelAlgorithmAssociationArn=self.algorithm,
                resourceConfig={"instanceType": "ml.m5.xlarge", "volumeSizeInGB": 5},
                dataChannels=[{"mlInputChannelArn": channel, "channelName": "train"}],
            ),
        )

    def start_channel(self, name: str, sql: str) -> str:
        """Ask for a channel."""
        arn: str = self.ml[LAB].create_ml_input_channel(
            membershipIdentifier=self.membership[LAB],
            name=name,
            configuredModelAlgorithmAssociations=[self.algorithm],
            retentionInDays=7,
            inputChannel={
                "roleArn": role(LAB),
                "dataSource": {"protectedQueryInputParameters": {"sqlParameters": {"queryString": sql}}},
            },
        )["mlInputChannelArn"]
        return arn

    def wait_for_channel(self, arn: str, expected: str = "ACTIVE") -> Any:
        """Until the channel is what is expected."""
        return self.wait(
            lambda: self.ml[LAB].get_ml_input_channel(membershipIdentifier=self.membership[LAB], mlInputChannelArn=arn),
            expected,
        )

    def rows_of(self, channel: str) -> int:
        """How many rows a channel has."""
        rows: int = self.wait_for_channel(channel)["numberOfRecords"]
        return rows

    def wait(self, look: Callable[[], Any], expected: str = "ACTIVE") -> Any:
        """Poll, as every AWS script does, until a status is final."""
        while True:
            seen = look()
            if seen["status"] in ("ACTIVE", "CREATE_FAILED", "INACTIVE", "CANCEL_FAILED"):
                break
            time.sleep(0.1)
        if seen["status"] != expected:
            raise StoryFailed(f"{seen.get('name', 'export')} is {seen['status']}: {seen.get('statusDetails')}")
        return seen

    def expect_refusal(self, who: str, tried: str, attempt: Callable[[], object]) -> None:
        """Try it; it must be refused."""
        try:
            attempt()
        except ClientError as error:
            answer = error.response["Error"]
            self.refused(who, tried, f"{answer['Code']}: {answer['Message']}")
        else:
            raise StoryFailed(f"{NAMES[who]} {tried}: this was not refused")

    def refused(self, who: str, tried: str, reason: str) -> None:
        """Note a refusal."""
        self.outcome.refusals.append(Refusal(NAMES[who], tried, reason))
        self.say(f"  refused: {NAMES[who]} {tried}\n           {reason}")


def role(account: str) -> str:
    """A role of the account: stored and echoed, as AWS's scripts pass one."""
    return f"arn:aws:iam::{account}:role/clean-room"
