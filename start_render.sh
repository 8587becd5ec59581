#!/bin/sh
# Starts the server on Render and in the container: makes the directories that it writes to, then becomes it.
# With LETTA_IMPORT_LEGACY=auto, what the former server has stored is brought over first, once.
# Everything else is the server's own work: it checks its settings, migrates the database and serves on $PORT.
set -eu

: "${LETTA_DIR:=/tmp/letta}"
export LETTA_DIR

if ! {
    mkdir -p "$LETTA_DIR/logs" "$LETTA_DIR/cache" &&
    touch "$LETTA_DIR/.writable" "$LETTA_DIR/logs/.writable" "$LETTA_DIR/cache/.writable"
} 2>/dev/null; then
    echo "letta: LETTA_DIR is $LETTA_DIR, which user id $(id -u) can't write to." \
        "Set LETTA_DIR to a directory of its own, such as /tmp/letta-$(id -u)." >&2
    exit 1
fi
rm -f "$LETTA_DIR/.writable" "$LETTA_DIR/logs/.writable" "$LETTA_DIR/cache/.writable"

here=$(cd -- "$(dirname -- "$0")" && pwd)
export PYTHONPATH="$here${PYTHONPATH:+:$PYTHONPATH}"
python=python
if [ -x "$here/.venv/bin/python" ]; then
    python="$here/.venv/bin/python"
fi
case "${LETTA_IMPORT_LEGACY:-}" in
    [Aa][Uu][Tt][Oo]) "$python" -m letta.cli import-legacy --when-empty ;;
esac
exec "$python" -m letta
