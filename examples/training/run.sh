#!/usr/bin/env bash
# A training that breaks and goes on from a signed checkpoint: see training.py. Needs Python 3.11 or newer.
#
#   bash examples/training/run.sh [FOLDER]     (default: examples/training/out, made anew each time)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=$(bash "$here/../../scripts/venv.sh")
exec "$python" "$here/training.py" "$@"
