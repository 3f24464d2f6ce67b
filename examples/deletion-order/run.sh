#!/usr/bin/env bash
# A dataset has to go, down to the certificate and what buyers see of it (deletion.py); then three records of
# another one (records.py).
#
#   bash examples/deletion-order/run.sh [FOLDER]     (default: the folder out beside this, made anew each time)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=$(bash "$here/../../scripts/venv.sh" --extra example)
out=${1:-$here/out}
"$python" "$here/deletion.py" "$out"
exec "$python" "$here/records.py" "$out/one-person"
