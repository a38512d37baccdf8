#!/usr/bin/env bash
# Checks the deployment files without an engine or a cluster: the chart against the schemas of
# Kubernetes, the Compose files as Compose parses them, and Dockerfile, YAML and shell with linters.
set -euo pipefail
cd "$(dirname "$0")/../.."
source deploy/tests/tools.sh

echo "check: Dockerfile, YAML, shell"
hadolint --failure-threshold warning deploy/Dockerfile
yamllint --strict --config-file deploy/tests/yamllint.yaml \
  deploy/compose*.yaml deploy/monitoring deploy/helm/orange-meets/{Chart,values}.yaml
shellcheck --external-sources deploy/*.sh deploy/tests/*.sh deploy/tests/engine/*.sh \
  sfu/str0m/*.sh sfu/str0m/tests/*.sh

echo "check: Compose, chart and bill of materials"
pytest --quiet -p no:cacheprovider --ignore deploy/tests/engine deploy/tests
