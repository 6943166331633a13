"""What torch_bert.py and torch_gpt2.py share as programs."""

import argparse
import json
import pathlib

import torch

DTYPES = {"f32": torch.float32, "f64": torch.float64}


def config(folder: pathlib.Path) -> dict:
    return json.loads((folder / "config.json").read_text())


def options(description: str, pool: bool) -> argparse.Namespace:
    """`model`, `tokens`, `out`, `dtype` (a torch.dtype), and with `pool` whether --pool was given."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", metavar="MODELDIR", type=pathlib.Path)
    parser.add_argument("--tokens", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--dtype", choices=DTYPES, default="f32")
    if pool:
        parser.add_argument("--pool", choices=["mean"])
    result = parser.parse_args()
    result.dtype = DTYPES[result.dtype]
    return result
