"""load_compiled.py MODEL.safetensors X.npy Y.npy: the forward pass of a compiled model, from its file alone, in PyTorch.

Writes Y = the model's rows [N, width] for X [N, width], in the model's own number type. As a module: Compiled(path).forward(x).
"""

import json
import sys

import numpy
import torch

ACTIVATIONS = {"relu": torch.relu, "gelu": torch.nn.functional.gelu, "gelu_tanh": lambda x: torch.nn.functional.gelu(x, approximate="tanh")}


class Compiled(torch.nn.Module):
    def __init__(self, path: str):
        super().__init__()
        data = numpy.fromfile(path, dtype=numpy.uint8)
        length = int(data[:8].view(numpy.uint64)[0])
        header, values = json.loads(data[8 : 8 + length].tobytes()), data[8 + length :]
        self.description = json.loads(header.pop("__metadata__")["roundtrip"])
        self.tensors = {}
        for name, entry in header.items():
            begin, end = entry["data_offsets"]
            array = values[begin:end].view({"F32": numpy.float32, "F64": numpy.float64}[entry["dtype"]])
            self.tensors[name] = torch.from_numpy(array.reshape(entry["shape"]))
        layers = self.description["structure"]
        self.layers = [layers[layer] if isinstance(layer, int) else layer for layer in layers]

    def rows(self, part: dict, x: torch.Tensor) -> torch.Tensor:
        if part["form"] == "linear":
            y = x @ self.tensors[part["weights"]]
            return y + self.tensors[part["bias"]] if "bias" in part else y
        first, *others = part["maps" if part["form"] == "mlp" else "steps"]
        y = self.rows(first, x)
        for other in others:
            y = self.rows(other, ACTIVATIONS[part["activation"]](y) if part["form"] == "mlp" else y)
        return y + x if part.get("residual") else y

    def head(self, head: dict, x: torch.Tensor) -> torch.Tensor:
        query, key, value = (self.rows(head[part], x) for part in ("query", "key", "value"))
        logits = head["scale"] * (query @ key.T)
        if head["mask"] == "causal":
            logits = logits.masked_fill(torch.ones_like(logits).triu(1).bool(), float("-inf"))
        if "start" in head:  # a token that all see
            start = {part: self.tensors[name][None] for part, name in head["start"].items()}
            logits = torch.cat([logits, head["scale"] * (query @ start["key"].T)], 1)
            value = torch.cat([value, start["value"]])
        return torch.softmax(logits, 1) @ value

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            x = self.rows(layer["before"], x) if "before" in layer else x
            seen = self.rows(layer["heads_in"], x) if "heads_in" in layer else x
            heads = [self.head(head, seen) for head in layer["heads"]]
            if "heads_out" in layer:
                heads = [self.rows(layer["heads_out"], torch.cat([x[:, :0], *heads], 1))]
            x = sum(heads, x)
            x = self.rows(layer["after"], x) if "after" in layer else x
        return x


if __name__ == "__main__":
    model, x, y = Compiled(sys.argv[1]), *sys.argv[2:]
    dtype = {"float32": torch.float32, "float64": torch.float64}[model.description["dtype"]]
    numpy.save(y, model(torch.from_numpy(numpy.load(x)).to(dtype)).numpy())
