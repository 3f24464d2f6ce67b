#!/usr/bin/env bash
# A buyer refuses one release and accepts the next: see procurement.py. Needs nothing but Python 3.11 or newer.
#
#   bash examples/procurement/run.sh [FOLDER]     (default: examples/procurement/out, made anew each time)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=$(bash "$here/../../scripts/venv.sh" --extra example)
exec "$python" "$here/procurement.py" "$@"
