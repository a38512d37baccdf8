# Source this from the repository's root. Installs the packages of requirements.txt into a virtual
# environment in target/ if they are missing, and puts it first on the path.
# shellcheck shell=bash
tools=target/deploy-tools
requirements=deploy/tests/requirements.txt
if ! cmp --silent "$requirements" "$tools/requirements.txt"; then
  deploy/setup.sh deploy
  echo "installing tools (pip, from $requirements)" >&2
  rm -rf "$tools"
  python3 -m venv "$tools"
  "$tools/bin/pip" --quiet --disable-pip-version-check install --requirement "$requirements"
  cp "$requirements" "$tools/requirements.txt"
fi
export PATH="$PWD/$tools/bin:$PATH" PYTHONDONTWRITEBYTECODE=1
