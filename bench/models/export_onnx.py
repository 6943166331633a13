"""export_onnx.py: writes the graphs that onnxruntime runs in bench/forward_peers.sh into build/models, and checks each against PyTorch.

all-MiniLM-L6-v2.onnx: from ids [1, 128] and mask [1, 128] (int64, 1 where a token is no padding) to last hidden states [1, 128, 384].
attention.onnx: one head from q, k, v, each [4096, 64], as MatMul, Softmax, MatMul.
All is float32, and shapes are fixed, which lets onnxruntime plan most.
"""

import pathlib
import sys
from typing import Callable

import numpy
import onnxruntime
import torch
import transformers

TREE = pathlib.Path(__file__).resolve().parents[2]
MODELS = TREE / "build" / "models"
TOKENS, ATTENTION_TOKENS, ATTENTION_WIDTH = 128, 4096, 64
OPSET = 17  # has LayerNormalization
TOLERANCE = 1e-5  # of the largest value: float32 in two orders of evaluation


class Body(torch.nn.Module):
    """The model without its pooling, as a function of two tensors."""

    def __init__(self):
        super().__init__()
        self.model = transformers.BertModel.from_pretrained(MODELS / "all-MiniLM-L6-v2", add_pooling_layer=False)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return self.model(ids, attention_mask=mask).last_hidden_state


class Attention(torch.nn.Module):
    def forward(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        return torch.softmax(q @ k.T / ATTENTION_WIDTH**0.5, dim=1) @ v


def sentences() -> list:
    """(ids, mask) of every prepared sentence; in these the mask is where the id is not 0."""
    lines = (TREE / "bench" / "data" / "minilm-sentences.tokens").read_text().splitlines()
    ids = [torch.tensor([[int(word) for word in line.split()]]) for line in lines]
    return [(one, (one != 0).to(torch.int64)) for one in ids]


def attention_input() -> tuple:
    generator = torch.Generator().manual_seed(1)
    return tuple(torch.randn((ATTENTION_TOKENS, ATTENTION_WIDTH), generator=generator) for _ in range(3))


def export(name: str, module: torch.nn.Module, names: list, inputs: list, rows_of: Callable[[tuple], torch.Tensor]) -> None:
    """Writes the graph, and compares onnxruntime's answers on all of `inputs` with PyTorch's in the rows that `rows_of` names."""
    path = str(MODELS / f"{name}.onnx")
    torch.onnx.export(module.eval(), inputs[0], path, input_names=names, output_names=["output"], opset_version=OPSET)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    worst = 0.0
    for one in inputs:
        with torch.no_grad():
            wanted = module(*one).numpy()
        got = session.run(None, {key: tensor.numpy() for key, tensor in zip(names, one, strict=True)})[0]
        if got.shape != wanted.shape:
            raise SystemExit(f"export_onnx: {name}: onnxruntime's output has shape {got.shape}, PyTorch's {wanted.shape}")
        rows = rows_of(one).numpy()
        worst = max(worst, float(numpy.abs(got - wanted)[rows].max() / numpy.abs(wanted).max()))
    print(f"{path}: onnxruntime is within {worst:.1e} of PyTorch on {len(inputs)} inputs", file=sys.stderr)
    if not worst <= TOLERANCE:
        raise SystemExit(f"export_onnx: {name}: expected at most {TOLERANCE:.0e}")


def main() -> int:
    transformers.logging.set_verbosity_error()  # it would say that the pooling of another task is left out
    export("all-MiniLM-L6-v2", Body(), ["ids", "mask"], sentences(), lambda inputs: inputs[1] == 1)
    export("attention", Attention(), ["q", "k", "v"], [attention_input()], lambda inputs: torch.ones(ATTENTION_TOKENS, dtype=torch.bool))
    return 0


if __name__ == "__main__":
    sys.exit(main())
