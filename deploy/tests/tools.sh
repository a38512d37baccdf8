# Sourced from the top folder: installs the packages of requirements.txt into target/, apart from
# everything, if they are not there, and puts them first on the path.
# shellcheck shell=bash
tools=target/deploy-tools
wanted=deploy/tests/requirements.txt
if ! cmp --silent "$wanted" "$tools/requirements.txt"; then
  deploy/setup.sh deploy
  echo "installing tools (pip, from $wanted)" >&2
  rm -rf "$tools"
  python3 -m venv "$tools"
  "$tools/bin/pip" --quiet --disable-pip-version-check install --requirement "$wanted"
  cp "$wanted" "$tools/requirements.txt"
fi
export PATH="$PWD/$tools/bin:$PATH" PYTHONDONTWRITEBYTECODE=1
