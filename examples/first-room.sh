#!/usr/bin/env bash
# A first room with the AWS CLI alone: a clinic has a table, a laboratory trains on it and sees no row.
#
# Start a server in the folder of the clone, in another terminal:
#
#     .venv/bin/whiteroom images build readmission:1 examples/readmission
#     .venv/bin/whiteroom catalog add --account 111111111111 examples.visits examples/visits.csv
#     .venv/bin/whiteroom up --dev
#
# The CLI has neither waiters for these services nor the service that hands out results; `whiteroom aws-data` prints a
# folder with both:
#
#     AWS_DATA_PATH="$(.venv/bin/whiteroom aws-data)" examples/first-room.sh
set -euo pipefail

export AWS_ENDPOINT_URL="${AWS_ENDPOINT_URL:-http://127.0.0.1:8080}" AWS_DEFAULT_REGION=us-east-1 AWS_PAGER=""
CLINIC=111111111111
LAB=222222222222

# In development mode an account is its number, and any secret does.
as() {
  local account=$1
  shift
  AWS_ACCESS_KEY_ID=$account AWS_SECRET_ACCESS_KEY=any aws --output text "$@"
}

echo "The laboratory creates a collaboration, and both join"
pays='{"queryCompute": {"isResponsible": true},
       "machineLearning": {"modelTraining": {"isResponsible": true}, "modelInference": {"isResponsible": true}}}'
room=$(as $LAB cleanrooms create-collaboration --name Readmissions --description "Which patients come back?" \
  --creator-display-name Laboratory --creator-member-abilities CAN_QUERY CAN_RECEIVE_RESULTS \
  --creator-ml-member-abilities customMLMemberAbilities=CAN_RECEIVE_MODEL_OUTPUT,CAN_RECEIVE_INFERENCE_OUTPUT \
  --creator-payment-configuration "$pays" --query-log-status DISABLED \
  --members "accountId=$CLINIC,memberAbilities=[],displayName=Clinic" --query collaboration.id)
of_clinic=$(as $CLINIC cleanrooms create-membership --collaboration-identifier "$room" --query-log-status DISABLED \
  --query membership.id)
of_lab=$(as $LAB cleanrooms create-membership --collaboration-identifier "$room" --query-log-status DISABLED \
  --payment-configuration "$pays" --query membership.id)
as $LAB cleanroomsml put-ml-configuration --membership-identifier "$of_lab" --default-output-location \
  "roleArn=arn:aws:iam::$LAB:role/clean-room,destination={s3Destination={s3Uri=s3://lab/results}}"

echo "The clinic contributes its table, for algorithms only"
table=$(as $CLINIC cleanrooms create-configured-table --name visits --analysis-method DIRECT_QUERY \
  --table-reference "glue={databaseName=examples,tableName=visits}" \
  --allowed-columns age bmi nights previous readmitted --query configuredTable.id)
as $CLINIC cleanrooms create-configured-table-analysis-rule --configured-table-identifier "$table" \
  --analysis-rule-type CUSTOM --query analysisRule.name --analysis-rule-policy \
  "{\"v1\": {\"custom\": {\"allowedAnalyses\": [\"ANY_QUERY\"], \"allowedAnalysisProviders\": [\"$LAB\"],
    \"additionalAnalyses\": \"REQUIRED\"}}}"
association=$(as $CLINIC cleanrooms create-configured-table-association --name visits \
  --membership-identifier "$of_clinic" --configured-table-identifier "$table" \
  --role-arn "arn:aws:iam::$CLINIC:role/clean-room" --query configuredTableAssociation.id)

echo "The laboratory brings its algorithm, and the clinic allows it"
configured=$(as $LAB cleanroomsml create-configured-model-algorithm --name readmission \
  --role-arn "arn:aws:iam::$LAB:role/clean-room" --training-container-config imageUri=readmission:1 \
  --inference-container-config imageUri=readmission:1 --query configuredModelAlgorithmArn)
algorithm=$(as $LAB cleanroomsml create-configured-model-algorithm-association --name readmission \
  --membership-identifier "$of_lab" --configured-model-algorithm-arn "$configured" --privacy-configuration \
  "policies={trainedModelInferenceJobs={maxOutputSize={unit=GB,value=0.01}}}" \
  --query configuredModelAlgorithmAssociationArn)
as $CLINIC cleanrooms create-configured-table-association-analysis-rule --membership-identifier "$of_clinic" \
  --configured-table-association-identifier "$association" --analysis-rule-type CUSTOM \
  --query analysisRule.type --analysis-rule-policy \
  "{\"v1\": {\"custom\": {\"allowedResultReceivers\": [], \"allowedAdditionalAnalyses\": [\"$algorithm\"]}}}"

echo "The laboratory makes a channel of its rows, which nobody sees"
sql="SELECT age, bmi, nights, previous, readmitted FROM visits"
channel=$(as $LAB cleanroomsml create-ml-input-channel --membership-identifier "$of_lab" --name visits \
  --retention-in-days 30 --configured-model-algorithm-associations "$algorithm" --query mlInputChannelArn \
  --input-channel "{\"roleArn\": \"arn:aws:iam::$LAB:role/clean-room\", \"dataSource\":
    {\"protectedQueryInputParameters\": {\"sqlParameters\": {\"queryString\": \"$sql\"}}}}")
as $LAB cleanroomsml wait ml-input-channel-active --membership-identifier "$of_lab" --ml-input-channel-arn "$channel"

echo "It trains"
model=$(as $LAB cleanroomsml create-trained-model --membership-identifier "$of_lab" --name readmission \
  --configured-model-algorithm-association-arn "$algorithm" --hyperparameters epochs=50 \
  --resource-config instanceType=ml.m5.large,volumeSizeInGB=1 --stopping-condition maxRuntimeInSeconds=600 \
  --data-channels "mlInputChannelArn=$channel,channelName=train" --query trainedModelArn)
as $LAB cleanroomsml wait trained-model-active --membership-identifier "$of_lab" --trained-model-arn "$model"

echo "The model answers"
job=$(as $LAB cleanroomsml start-trained-model-inference-job --membership-identifier "$of_lab" --name all-visits \
  --trained-model-arn "$model" --resource-config instanceType=ml.m5.large \
  --data-source "mlInputChannelArn=$channel" \
  --output-configuration "accept=text/csv,members=[{accountId=$LAB}]" --query trainedModelInferenceJobArn)
as $LAB cleanroomsml wait trained-model-inference-job-active --membership-identifier "$of_lab" \
  --trained-model-inference-job-arn "$job"

echo "The laboratory fetches the answers"
read -r result file < <(as $LAB whiteroom list-results --collaboration-identifier "$room" \
  --query 'results[0].[resultIdentifier, files[0].fileName]')
as $LAB whiteroom get-result --result-identifier "$result" --file-name "$file" --query contentLength answers.csv
echo "answers.csv has $(wc -l <answers.csv) lines"
