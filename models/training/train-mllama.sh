#!/usr/bin/env bash
# Trains the mllama demo model from nothing and writes models/demo/demo-q4_k_m.gguf; see mllama.md beside this file.
#   LLAMA_QUANTIZE=.engine/bin/llama-quantize models/training/train-mllama.sh [WORK_FOLDER]
# Every step can be interrupted: started again, it goes on from the last checkpoint.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=${1:-mllama-demo-work}
python=${PYTHON:-python3}
quantize=${LLAMA_QUANTIZE:-llama-quantize}
share=8000
shares=16
mkdir -p "$work/data"

draw() {
  [ -e "$work/data/scenes-$1.jsonl" ] || "$python" models/training/mllama_pack.py "$work/data" "$1" "$share"
}
running=()
for ((number = 0; number < shares; number++)); do
  draw $((number * share)) &
  running+=($!)
  if [ "${#running[@]}" -ge "$(nproc)" ]; then
    wait "${running[@]}"
    running=()
  fi
done
wait

step() {
  "$python" models/training/train.py mllama "$1" --name "$2" --tone "$3" --steps "$4" --rates "$5" "$6" \
    --data "$work/data" --checkpoint "$work/model.pt" --resume
}
step see  see-dark   dark 500  1.5e-3 1.5e-3
step see  see-all    all  1100 1.5e-3 1e-3
step talk talk-first all  400  1e-3   9e-4
step talk talk-last  all  2000 9e-4   2e-5

"$python" models/training/mllama_export.py "$work/model.pt" "$work/hugging-face"
"$python" convert/convert.py "$work/hugging-face" "$work/demo-f16.gguf" --name "llama-vision demo" \
  --description "A tiny model of the architecture of Llama 3.2 Vision, trained from nothing on drawn shapes and \
digits, for demonstration and tests. It is not a general vision model."
"$quantize" "$work/demo-f16.gguf" models/demo/demo-q4_k_m.gguf Q4_K_M
