# A collaboration with a table, in Terraform: a laboratory creates it, a clinic joins and configures its table.
#
# In the folder of the clone, in another terminal:
#
#     .venv/bin/whiteroom catalog add --account 111111111111 examples.visits examples/visits.csv
#     .venv/bin/whiteroom up --dev
#
# Then, here: `terraform init` and `terraform apply`. At AWS, leave out the keys, the endpoints and the `skip_` lines.
#
# The provider has no resources yet for analysis rules, associations of tables and Clean Rooms ML: go on in boto3 or in
# the AWS CLI (../first-room.sh) with the outputs. The page ../README.md says when this was last run.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

variable "endpoint" {
  description = "Where Whiteroom listens."
  type        = string
  default     = "http://127.0.0.1:8080"
}

locals {
  clinic = "111111111111"
  lab    = "222222222222"
}

provider "aws" {
  alias                       = "clinic"
  region                      = "us-east-1"
  access_key                  = local.clinic
  secret_key                  = "any"
  skip_credentials_validation = true
  skip_metadata_api_check     = true

  endpoints {
    cleanrooms = var.endpoint
    sts        = var.endpoint
  }
}

provider "aws" {
  alias                       = "lab"
  region                      = "us-east-1"
  access_key                  = local.lab
  secret_key                  = "any"
  skip_credentials_validation = true
  skip_metadata_api_check     = true

  endpoints {
    cleanrooms = var.endpoint
    sts        = var.endpoint
  }
}

resource "aws_cleanrooms_collaboration" "readmissions" {
  provider                 = aws.lab
  name                     = "Readmissions"
  description              = "Which patients come back?"
  creator_display_name     = "Laboratory"
  creator_member_abilities = ["CAN_QUERY", "CAN_RECEIVE_RESULTS"]
  query_log_status         = "ENABLED"

  member {
    account_id       = local.clinic
    display_name     = "Clinic"
    member_abilities = []
  }
}

resource "aws_cleanrooms_membership" "lab" {
  provider         = aws.lab
  collaboration_id = aws_cleanrooms_collaboration.readmissions.id
  query_log_status = "ENABLED"

  payment_configuration {
    query_compute {
      is_responsible = true
    }
  }
}

resource "aws_cleanrooms_membership" "clinic" {
  provider         = aws.clinic
  collaboration_id = aws_cleanrooms_collaboration.readmissions.id
  query_log_status = "ENABLED"
}

resource "aws_cleanrooms_configured_table" "visits" {
  provider        = aws.clinic
  name            = "visits"
  description     = "Visits, without who it was"
  analysis_method = "DIRECT_QUERY"
  allowed_columns = ["age", "bmi", "nights", "previous", "readmitted"]

  table_reference {
    database_name = "examples"
    table_name    = "visits"
  }
}

output "collaboration" {
  value = aws_cleanrooms_collaboration.readmissions.id
}

output "memberships" {
  value = {
    clinic = aws_cleanrooms_membership.clinic.id
    lab    = aws_cleanrooms_membership.lab.id
  }
}

output "configured_table" {
  value = aws_cleanrooms_configured_table.visits.id
}
