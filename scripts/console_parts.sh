#!/bin/sh
# scripts/console_parts.sh PYTHON LOCK: brings in the console's third-party parts, if they aren't there. Where there is
# no npm, the one that LOCK lists is fetched and thrown away again. Without the parts the server works all the same, so
# that this never fails.
set -u

python=$1 lock=$2

if "$python" -c 'from letta.console.parts import missing; raise SystemExit(bool(missing()))'; then
    exit 0
fi
if ! command -v npm >/dev/null; then
    place=$(mktemp -d)
    trap 'rm -rf "$place"' EXIT
    if "$python" -c 'import pip' 2>/dev/null; then
        pip="$python -m pip"
    else
        pip="${PYTHON:-python3} -m pip"
    fi
    # shellcheck disable=SC2086 # several words
    $pip install --quiet --disable-pip-version-check --no-input --require-hashes --only-binary :all: --target "$place" \
        --requirement "$lock" && export PYTHONPATH="$place"
fi
"$python" -m letta.console.parts || echo "The server works without them; make console tries again." >&2
exit 0
