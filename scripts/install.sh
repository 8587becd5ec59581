#!/bin/sh
# scripts/install.sh VENV LOCK: makes the virtual environment if there is none, and installs what LOCK lists.
# $PYTHON is the interpreter to make it with (default python3).
set -eu

venv=$1 lock=$2
python=${PYTHON:-python3}

fail() {
    echo "$*" >&2
    exit 1
}

trap 'trap "" INT; fail "Interrupted. The same command goes on."' INT

command -v "$python" >/dev/null || fail "There is no $python. Install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$("$python" --version) is too old. Name a Python 3.11 or newer: make PYTHON=/path/to/python3"

# Debian takes the part that brings pip out of Python; a pip of the system's own serves as well.
has_pip() {
    "$venv/bin/python" -c 'import pip' 2>/dev/null || "$python" -m pip --python "$venv/bin/python" --version >/dev/null 2>&1
}

if ! has_pip; then # also where making it was broken off, as by kill
    if "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        without=
    elif "$python" -m pip --python "$python" --version >/dev/null 2>&1 && "$python" -c 'import venv' 2>/dev/null; then
        without=--without-pip
    else
        fail "This Python can't make virtual environments. On Debian and Ubuntu: apt-get install python3-venv"
    fi
    made=$("$python" -m venv $without "$venv" 2>&1) ||
        fail "$made
The virtual environment $venv could not be made; see above."
fi

if "$venv/bin/python" -c 'import pip' 2>/dev/null; then
    set -- "$venv/bin/python" -m pip
else
    set -- "$python" -m pip --python "$venv/bin/python"
fi
echo "Installing $lock into $venv; the first time, this takes a minute or two …"
"$@" install --quiet --disable-pip-version-check --no-input --require-hashes --requirement "$lock" ||
    fail "Installing $lock into $venv failed; see above. It needs the network, and half a gigabyte of disk there and" \
        "in ${TMPDIR:-/tmp}. The same command tries again."
