#!/usr/bin/env bash
# Give a Python environment that has attest in it, made on the first call and reused afterwards.
#
#   scripts/venv.sh [--extra NAME]... [--group NAME]...     prints the path of its python
#
# Extras and groups are those of pyproject.toml. The environment is $ATTEST_VENV if that is set, else the
# virtual environment that is active, else .venv in this checkout. $PYTHON names the interpreter to start from.
# What is printed on standard error is talk; standard output holds the one path.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

extras="" ; wants=() ; groups=()
while [ $# -gt 0 ]; do
  case "$1" in
    --extra) extras="${extras:+$extras,}${2:?--extra needs a name}"; wants+=("extra-$2"); shift 2 ;;
    --group) groups+=(--group "${2:?--group needs a name}"); wants+=("group-$2"); shift 2 ;;
    *) echo "usage: scripts/venv.sh [--extra NAME]... [--group NAME]..." >&2; exit 2 ;;
  esac
done

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

interpreter() {
  local name
  for name in "${PYTHON:-}" python3 python3.13 python3.12 python3.11 python; do
    if [ -n "$name" ] && new_enough "$name"; then echo "$name"; return; fi
  done
  echo "attest needs Python 3.11 or newer: install it, or name it: PYTHON=/path/to/python3 $0" >&2
  return 1
}

venv=${ATTEST_VENV:-${VIRTUAL_ENV:-$PWD/.venv}}
python=$venv/bin/python
if ! new_enough "$python"; then
  if [ "$venv" = "${VIRTUAL_ENV:-}" ]; then
    echo "the active environment $venv has no Python 3.11 or newer; deactivate it, or make a new one" >&2
    exit 1
  fi
  base=$(interpreter)
  echo "making a Python environment in $venv" >&2
  "$base" -m venv --clear "$venv" >&2 || {
    echo "$base cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv" >&2
    exit 1
  }
fi

# one mark per extra and group; a change of pyproject.toml, or another checkout, makes them all stale
mark=$venv/.attest/$( { cat pyproject.toml; pwd -P; } | cksum | tr -d ' ')
missing=false
for want in core ${wants[@]+"${wants[@]}"}; do [ -e "$mark-$want" ] || missing=true; done
if $missing; then
  echo "installing attest${extras:+[$extras]} ${groups[*]-} into $venv" >&2
  export PIP_DISABLE_PIP_VERSION_CHECK=1
  # --group came with pip 25.1
  "$python" -m pip install -qq --upgrade 'pip>=25.1' >&2
  "$python" -m pip install -qq --editable ".${extras:+[$extras]}" ${groups[@]+"${groups[@]}"} >&2
  mkdir -p "$venv/.attest"
  for want in core ${wants[@]+"${wants[@]}"}; do : >"$mark-$want"; done
fi
echo "$python"
