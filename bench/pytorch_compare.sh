#!/usr/bin/env bash
# Compares Rollcall with a straightforward PyTorch pipeline (MTCNN and FaceNet of facenet-pytorch) on this machine.
#
# usage: bench/pytorch_compare.sh [--rounds N] [--seconds N]
#
# Installs PyTorch into .deps/pytorch first (5 GB, once; BENCH_VENV names another folder). Not part of set-up or tests.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=${BENCH_VENV:-.deps/pytorch}
if ! "$venv/bin/python" -c 'import facenet_pytorch' 2> /dev/null; then
    echo "installing PyTorch into $venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --no-cache-dir --requirement bench/requirements-pytorch.txt
fi
exec "$venv/bin/python" bench/pytorch_compare.py "$@"
