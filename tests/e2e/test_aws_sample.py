"""A propensity model as AWS's sample of custom models makes one: one account, by its scripts' own calls.

Tables in Glue and S3 as moto has them, read with the roles that the script makes; no profile, no `catalog add`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest

from support.command import whiteroom
from support.live import once
from support.server import RunningServer, running_server

pytestmark = pytest.mark.slow

ACCOUNT, REGION = "123456789012", "us-east-1"
"""Moto's own, in which whoever signs there is."""
PREFIX = "propensity"
SOURCE, OUTPUT = "propensity-source", "propensity-output"
DATABASE = "propensity"
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/propensity-{{}}:latest"
ADVERTISER = {
    "user_id": "string",
    "ad_campaign_id": "string",
    "impressions": "int",
    "time_spent_seconds": "double",
    "event_date": "string",
}
RETAILER = {"user_id": "string", "product_category": "string", "purchase_amount": "double", "converted": "int"}
TABLES = {"advertiser": ADVERTISER, "retailer": RETAILER}
SQL = (
    "SELECT DISTINCT a.ad_campaign_id, a.impressions, a.time_spent_seconds, a.event_date, "
    "r.product_category, r.purchase_amount, r.converted "
    "FROM advertiser_association a INNER JOIN retailer_association r ON a.user_id = r.user_id"
)
BOTH, CONVERTED = 30, 10
"""Users whom both tables have, and those of them who bought."""
PAYS = {
    "queryCompute": {"isResponsible": True},
    "machineLearning": {"modelTraining": {"isResponsible": True}, "modelInference": {"isResponsible": True}},
}
ENDED = ("ACTIVE", "CREATE_FAILED", "CANCELLED")


def rows_of(table: str) -> str:
    if table == "advertiser":
        rows = [f'u{user},"c,{user % 3}",{user},{user / 4},2024-01-{1 + user % 28:02}' for user in range(40)]
    else:
        rows = [f"u{user},shoes,{user}.5,{int(user < 10 + CONVERTED)}" for user in range(10, 50)]
    return "\n".join([",".join(TABLES[table]), *rows]) + "\n"


@dataclass
class Account:
    """Whoever runs the scripts, with one session for everything."""

    moto: str
    server: RunningServer
    roles: dict[str, str] = field(default_factory=dict)
    membership: str = ""

    def __post_init__(self) -> None:
        session = boto3.Session(ACCOUNT, "any", region_name=REGION)
        self.s3, self.iam, self.glue = (session.client(name, endpoint_url=self.moto) for name in ("s3", "iam", "glue"))
        self.cr, self.crml = (self.server.client(name, ACCOUNT) for name in ("cleanrooms", "cleanroomsml"))
        self.sts = self.server.client("sts", ACCOUNT)

    # -- what is uploaded -----------------------------------------------------------

    def upload(self) -> None:
        for bucket in (SOURCE, OUTPUT):
            self.s3.create_bucket(Bucket=bucket)
            blocked = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
            self.s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=dict.fromkeys(blocked, True))
            sealed = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
            self.s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=sealed)
            self.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        for table in TABLES:
            self.s3.put_object(Bucket=SOURCE, Key=f"{table}/{table}.csv", Body=rows_of(table).encode())

    # -- what is set up -------------------------------------------------------------

    def set_up(self) -> None:
        assert self.sts.get_caller_identity()["Account"] == ACCOUNT
        self.make_tables()
        for name, service, actions in ROLES:
            self.roles[name] = self.make_role(name, service, actions)
        self.meet()
        self.share()
        self.crml.put_ml_configuration(
            membershipIdentifier=self.membership,
            defaultOutputLocation={
                "destination": {"s3Destination": {"s3Uri": f"s3://{OUTPUT}/cleanrooms-ml-output/"}},
                "roleArn": self.roles["ml-config"],
            },
        )
        self.bring_model()
        self.allow_model()

    def make_tables(self) -> None:
        self.glue.create_database(DatabaseInput={"Name": DATABASE, "Description": "propensity"})
        for table, columns in TABLES.items():
            storage = {
                "Columns": [{"Name": name, "Type": kind} for name, kind in columns.items()],
                "Location": f"s3://{SOURCE}/{table}/",
                "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
                "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
                "SerdeInfo": {
                    "SerializationLibrary": "org.apache.hadoop.hive.serde2.OpenCSVSerde",
                    "Parameters": {"separatorChar": ",", "quoteChar": '"', "escapeChar": "\\"},
                },
            }
            self.glue.create_table(
                DatabaseName=DATABASE,
                TableInput={
                    "Name": table,
                    "StorageDescriptor": storage,
                    "TableType": "EXTERNAL_TABLE",
                    "Parameters": {"classification": "csv", "skip.header.line.count": "1"},
                },
            )

    def make_role(self, name: str, service: str, actions: list[str]) -> str:
        trusts = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        trusts["Condition"] = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
        role = self.iam.create_role(
            RoleName=f"{PREFIX}-{name}",
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trusts]}),
            Description=name,
        )
        self.iam.put_role_policy(RoleName=f"{PREFIX}-{name}", PolicyName="least", PolicyDocument=json.dumps(policy))
        return str(role["Role"]["Arn"])

    def meet(self) -> None:
        assert self.cr.list_collaborations(memberStatus="ACTIVE")["collaborationList"] == []
        collaboration = self.cr.create_collaboration(
            name=f"{PREFIX}-collaboration",
            description="Advertiser and retailer",
            creatorDisplayName="Advertiser",
            creatorMemberAbilities=["CAN_QUERY", "CAN_RECEIVE_RESULTS"],
            creatorMLMemberAbilities={
                "customMLMemberAbilities": ["CAN_RECEIVE_MODEL_OUTPUT", "CAN_RECEIVE_INFERENCE_OUTPUT"]
            },
            creatorPaymentConfiguration=PAYS,
            members=[],
            queryLogStatus="ENABLED",
            dataEncryptionMetadata={
                "allowCleartext": True,
                "allowDuplicates": True,
                "allowJoinsOnColumnsWithDifferentNames": True,
                "preserveNulls": False,
            },
        )["collaboration"]["id"]
        self.cr.create_membership(
            collaborationIdentifier=collaboration, queryLogStatus="ENABLED", paymentConfiguration=PAYS
        )
        (found,) = self.cr.list_memberships(status="ACTIVE")["membershipSummaries"]
        assert PREFIX in found["collaborationName"]
        self.membership = found["id"]

    def share(self) -> None:
        for table, columns in TABLES.items():
            configured = self.cr.create_configured_table(
                name=f"{PREFIX}-{table}",
                description=table,
                tableReference={"glue": {"tableName": table, "databaseName": DATABASE}},
                allowedColumns=list(columns),
                analysisMethod="DIRECT_QUERY",
            )["configuredTable"]["id"]
            there = self.glue.get_table(DatabaseName=DATABASE, Name=table)["Table"]["StorageDescriptor"]["Columns"]
            rule = {
                "joinColumns": ["user_id"],
                "listColumns": [column["Name"] for column in there if column["Name"] != "user_id"],
                "allowedJoinOperators": ["OR"],
                "additionalAnalyses": "ALLOWED",
            }
            self.cr.create_configured_table_analysis_rule(
                configuredTableIdentifier=configured,
                analysisRuleType="LIST",
                analysisRulePolicy={"v1": {"list": rule}},
            )
            self.cr.create_configured_table_association(
                membershipIdentifier=self.membership,
                configuredTableIdentifier=configured,
                name=f"{table}_association",
                roleArn=self.roles["data-provider"],
            )

    def bring_model(self) -> None:
        algorithm = self.crml.create_configured_model_algorithm(
            name=f"{PREFIX}-model",
            roleArn=self.roles["model-provider"],
            trainingContainerConfig={
                "imageUri": IMAGE.format("training"),
                "entrypoint": ["python", "/opt/ml/code/train.py"],
                "metricDefinitions": [{"name": "accuracy", "regex": r'"accuracy": ([0-9.]+)'}],
            },
            inferenceContainerConfig={"imageUri": IMAGE.format("inference")},
        )["configuredModelAlgorithmArn"]
        self.crml.create_configured_model_algorithm_association(
            membershipIdentifier=self.membership, configuredModelAlgorithmArn=algorithm, name=f"{PREFIX}-association"
        )

    @property
    def model(self) -> str:
        """The association, as the scripts find it again."""
        (found,) = self.crml.list_configured_model_algorithm_associations(membershipIdentifier=self.membership)[
            "configuredModelAlgorithmAssociations"
        ]
        return str(found["configuredModelAlgorithmAssociationArn"])

    def allow_model(self) -> None:
        shared = self.cr.list_configured_table_associations(membershipIdentifier=self.membership)
        for one in shared["configuredTableAssociationSummaries"]:
            rule = {"allowedResultReceivers": [ACCOUNT], "allowedAdditionalAnalyses": [self.model]}
            self.cr.create_configured_table_association_analysis_rule(
                membershipIdentifier=self.membership,
                configuredTableAssociationIdentifier=one["id"],
                analysisRuleType="LIST",
                analysisRulePolicy={"v1": {"list": rule}},
            )

    # -- what is run ----------------------------------------------------------------

    def channel(self, name: str) -> Any:
        arn = self.crml.create_ml_input_channel(
            membershipIdentifier=self.membership,
            configuredModelAlgorithmAssociations=[self.model],
            name=name,
            inputChannel={
                "dataSource": {"protectedQueryInputParameters": {"sqlParameters": {"queryString": SQL}}},
                "roleArn": self.roles["query-runner"],
            },
            retentionInDays=30,
        )["mlInputChannelArn"]
        return self.ended(lambda: self.crml.get_ml_input_channel(mlInputChannelArn=arn, **self.own))

    def train(self, channel: str) -> Any:
        assert self.crml.list_trained_models(**self.own)["trainedModels"] == []
        arn = self.crml.create_trained_model(
            membershipIdentifier=self.membership,
            name=f"{PREFIX}-trained",
            configuredModelAlgorithmAssociationArn=self.model,
            resourceConfig={"instanceCount": 1, "instanceType": "ml.m5.2xlarge", "volumeSizeInGB": 30},
            dataChannels=[{"mlInputChannelArn": channel, "channelName": "training"}],
        )["trainedModelArn"]
        return self.ended(lambda: self.crml.get_trained_model(trainedModelArn=arn, **self.own))

    def infer(self, model: str, channel: str) -> Any:
        arn = self.crml.start_trained_model_inference_job(
            membershipIdentifier=self.membership,
            name=f"{PREFIX}-inference",
            trainedModelArn=model,
            resourceConfig={"instanceCount": 1, "instanceType": "ml.m5.2xlarge"},
            dataSource={"mlInputChannelArn": channel},
            outputConfiguration={"accept": "text/csv", "members": [{"accountId": ACCOUNT}]},
        )["trainedModelInferenceJobArn"]
        return self.ended(
            lambda: self.crml.get_trained_model_inference_job(trainedModelInferenceJobArn=arn, **self.own)
        )

    @property
    def own(self) -> dict[str, str]:
        return {"membershipIdentifier": self.membership}

    def ended(self, look: Any) -> Any:
        seen = once(lambda found: found["status"] in ENDED, look)
        assert seen["status"] == "ACTIVE", seen.get("statusDetails")
        return seen


OF_THE_SERVICES = ("cleanrooms.amazonaws.com", "cleanrooms-ml.amazonaws.com")
ROLES: tuple[tuple[str, str, list[str]], ...] = (
    ("data-provider", OF_THE_SERVICES[0], ["glue:GetTable", "glue:GetPartitions", "s3:GetObject", "s3:ListBucket"]),
    ("model-provider", OF_THE_SERVICES[1], ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]),
    ("ml-config", OF_THE_SERVICES[1], ["s3:PutObject", "s3:GetBucketLocation", "s3:ListBucket"]),
    ("query-runner", OF_THE_SERVICES[1], ["cleanrooms:StartProtectedQuery", "cleanrooms:GetSchema"]),
)


@pytest.fixture(scope="module")
def account(moto: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    folder = tmp_path_factory.mktemp("sample")
    room = folder / "room"
    for kind in ("training", "inference"):
        whiteroom("images", "build", IMAGE.format(kind), str(Path(__file__).parent / "sample"), "--data", str(room))
    (room / "whiteroom.toml").write_text('catalog = "glue"\nbuckets = "s3"\n')
    (folder / "aws").write_text(
        f"[default]\naws_access_key_id = AKIASERVER\naws_secret_access_key = s\nendpoint_url = {moto}\n"
    )
    environment = {"AWS_CONFIG_FILE": str(folder / "aws"), "AWS_SHARED_CREDENTIALS_FILE": str(folder / "none")}
    with running_server(room, environment={**environment, "AWS_EC2_METADATA_DISABLED": "true"}) as server:
        yield Account(moto, server)


def test_a_model_is_made_from_tables_in_glue_and_its_predictions_are_in_the_bucket_by_the_scripts_calls_alone(
    account: Account,
) -> None:
    account.upload()
    account.set_up()
    training, inference = account.channel("training-channel"), account.channel("inference-channel")
    assert training["numberOfRecords"] == inference["numberOfRecords"] == BOTH
    model = account.train(training["mlInputChannelArn"])
    account.infer(model["trainedModelArn"], inference["mlInputChannelArn"])
    listed = account.s3.list_objects_v2(Bucket=OUTPUT, Prefix="cleanrooms-ml-output/")["Contents"]
    (scores,) = (one["Key"] for one in listed if one["Key"].endswith(".out"))
    rate = f"{CONVERTED / BOTH:.3f}"
    assert account.s3.get_object(Bucket=OUTPUT, Key=scores)["Body"].read().decode().split() == [rate] * BOTH
    assert not list(account.server.data.glob("catalog/*"))
    assert not list(account.server.data.glob("objects/*"))
