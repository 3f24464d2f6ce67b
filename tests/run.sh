#!/usr/bin/env bash
# Run the tests. Everything they need is installed first: into the active virtual environment, else into .venv.
#
#   bash tests/run.sh [PYTEST ARGUMENTS]      e.g. bash tests/run.sh -k bundle -x
#
# This is the one place that says how the tests are run; continuous integration calls it too. They use every core;
# add -n 0 to stay in one process. Tests marked slow, browser or stack stay out unless asked for:
# bash tests/run.sh -m ""
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
unset PYTHONDONTWRITEBYTECODE # the tests start attest a thousand times: it is compiled once
python=$(bash scripts/venv.sh --extra example --extra records --extra sigstore --group test)
exec "$python" -m pytest -n auto --dist worksteal "$@"
