#!/usr/bin/env bash
# The main job, end to end, on a real dataset: see quickstart.py. Needs nothing but Python 3.11 or newer.
#
#   bash examples/quickstart/run.sh [FOLDER]     (default: examples/quickstart/out, made anew each time)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=$(bash "$here/../../scripts/venv.sh" --extra example)
exec "$python" "$here/quickstart.py" "$@"
