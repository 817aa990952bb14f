#!/usr/bin/env bash
# Trains the demo model from nothing and writes models/demo/*.gguf; see pair.md beside this file.
#   LLAMA_QUANTIZE=/path/to/llama-quantize models/training/train-pair.sh [WORK_FOLDER]
# Every step can be interrupted: started again, it goes on from the last checkpoint.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=${1:-demo-model-work}
python=${PYTHON:-python3}
quantize=${LLAMA_QUANTIZE:-llama-quantize}
pictures=48000
mkdir -p "$work"

if [ ! -e "$work/drawn" ]; then
  node --import tsx models/training/draw-pair.ts "$work/data" 0 "$pictures" "$(nproc)"
  touch "$work/drawn"
fi

step() {
  "$python" models/training/train.py pair "$1" --name "$2" --tone "$3" --steps "$4" --rates "$5" "$6" \
    --data "$work/data" --checkpoint "$work/model.pt" --resume
}
step see  see-dark   dark 500  1.5e-3 1.5e-3
step see  see-all    all  1100 1.5e-3 1e-3
step talk talk-first all  400  1e-3   8e-4
step talk talk-last  all  1450 8e-4   2e-5

"$python" models/training/pair_export.py "$work/model.pt" "$work"
"$quantize" "$work/demo-text-f16.gguf" models/demo/demo-text-q4_k_m.gguf Q4_K_M
cp "$work/demo-mmproj-f16.gguf" models/demo/demo-mmproj-f16.gguf
