#!/usr/bin/env bash
# Checks what deploys the server, without an engine or a cluster: the chart against the schemas of
# Kubernetes, the Compose file as Compose reads it, and Dockerfile, YAML and shell by their linters.
# The tools are installed from deploy/tests/requirements.txt into target/, apart from everything.
set -euo pipefail
cd "$(dirname "$0")/../.."

tools=target/deploy-tools
wanted=deploy/tests/requirements.txt
if ! cmp --silent "$wanted" "$tools/requirements.txt"; then
  deploy/setup.sh deploy
  echo "check: installing the tools (pip, from $wanted)" >&2
  rm -rf "$tools"
  python3 -m venv "$tools"
  "$tools/bin/pip" --quiet --disable-pip-version-check install --requirement "$wanted"
  cp "$wanted" "$tools/requirements.txt"
fi
export PATH="$PWD/$tools/bin:$PATH" PYTHONDONTWRITEBYTECODE=1

echo "check: Dockerfile, YAML, shell"
hadolint --failure-threshold warning deploy/Dockerfile
yamllint --strict --config-file deploy/tests/yamllint.yaml \
  deploy/compose.yaml deploy/monitoring deploy/helm/orange-meets/{Chart,values}.yaml
shellcheck deploy/*.sh deploy/tests/*.sh

echo "check: Compose and chart"
pytest --quiet -p no:cacheprovider deploy/tests
