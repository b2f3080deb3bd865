#!/usr/bin/env bash
# All that wants a GPU, in one call: what only a GPU can check, then what is measured on one.
#
#     benchmarks/gpu.sh CAMVID OUT
#
# Each part writes OUT/NAME.txt; one that fails does not keep the others from running. The rows of the scale `full` come
# last, since they take longest; said again, they go on where they stopped.
set -u
camvid=$(realpath "${1:?folder with CamVid}") out=${2:?folder for the results}
cd "$(dirname "$0")/.."
mkdir -p "$out"
python=${PYTHON:-.venv/bin/python}

part() {
  local name=$1
  shift
  echo "== $name: $*"
  "$@" >"$out/$name.txt" 2>&1 || echo "   failed with $?"
  tail -n 3 "$out/$name.txt"
}

nvidia-smi >"$out/machine.txt" 2>&1
git describe --always --dirty >>"$out/machine.txt"
part captured env PAIRLOOM_REQUIRE=cuda "$python" -m pytest -q tests/training/test_cuda_graph.py
for precision in 32-true bf16-mixed; do
  for batch in 1 16; do
    part "step-$precision-$batch" "$python" benchmarks/step.py --device cuda --precision "$precision" --batch "$batch" --json
  done
done
part roofline-1 "$python" benchmarks/roofline.py --device cuda --precision bf16-mixed --json
part roofline-16 "$python" benchmarks/roofline.py --device cuda --precision bf16-mixed --batch 16 --json
part forward "$python" benchmarks/forward.py --device cuda --json
# The original's whole job: 300 pairs, 70 epochs, validation, snapshots and report; the seconds are `real`.
part whole-job bash -c "time .venv/bin/pairloom train '$camvid' --preset seed --train-pairs 300 --precision auto --out '$out/whole-job'"
part full "$python" benchmarks/recipes.py "$camvid" --out "$out/recipes" --scale full --rows seed recommended "no encoder" "a discriminator" --json
