#!/usr/bin/env bash
# Make every picture of this folder anew, or those whose names begin as given: make.sh [NAME..]
set -euo pipefail
cd "$(dirname "$0")/.."
exec "${PYTHON:-.venv/bin/python}" screenshots/pictures.py "$@"
