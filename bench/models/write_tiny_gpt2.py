"""write_tiny_gpt2.py FOLDER: writes a small GPT-2 with random weights as Hugging Face's library writes models.

The library's own initial weights are so small that attention is nearly uniform and every MLP nearly linear; a wrong scale or activation
would hide behind the residual. So every weight is drawn anew, larger, and no bias is zero and no LayerNorm the identity.
"""

import sys

import torch
from transformers import GPT2Config, GPT2Model

CONFIG = GPT2Config(vocab_size=200, n_positions=64, n_embd=64, n_layer=3, n_head=4, bos_token_id=199, eos_token_id=199)
SEED = 20240604


def draw(name: str, weight: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Random values of the weight's shape: logits of a few units, and activations on both sides of every bend."""
    values = torch.randn(weight.shape, generator=generator)
    if ".ln_" in name or name.startswith("ln_f"):
        return 0.2 * values + (1.0 if name.endswith("weight") else 0.0)
    return (0.1 if name.endswith("bias") else 0.2) * values


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: write_tiny_gpt2.py FOLDER", file=sys.stderr)
        return 2
    model = GPT2Model(CONFIG)
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for name, weight in sorted(model.named_parameters()):
            weight.copy_(draw(name, weight, generator))
    model.save_pretrained(sys.argv[1], safe_serialization=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
