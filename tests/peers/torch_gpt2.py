"""torch_gpt2.py MODELDIR --tokens F --out F.npy [--dtype f32|f64]: what `roundtrip forward` should write, by PyTorch.

The model is Hugging Face's own GPT2Model, which shares nothing with this tree but the file of weights.
"""

import pathlib
import sys

import numpy
import torch
import transformers

import reference_program
import token_file


def last_hidden_states(folder: pathlib.Path, sequences: list, dtype: torch.dtype) -> list:
    """A matrix [tokens, width] for each sequence."""
    model = transformers.GPT2Model.from_pretrained(folder).to(dtype).eval()
    with torch.no_grad():
        return [model(torch.tensor([sequence])).last_hidden_state[0].numpy() for sequence in sequences]


def logits(folder: pathlib.Path, sequences: list, dtype: torch.dtype) -> list:
    """A matrix [tokens, vocabulary] for each sequence, by the language model with its head tied to the embedding."""
    model = transformers.GPT2LMHeadModel.from_pretrained(folder).to(dtype).eval()
    with torch.no_grad():
        return [model(torch.tensor([sequence])).logits[0].numpy() for sequence in sequences]


def embedding(folder: pathlib.Path) -> numpy.ndarray:
    """[vocabulary, width]."""
    return transformers.GPT2Model.from_pretrained(folder).wte.weight.detach().numpy()


def main() -> int:
    options = reference_program.options(__doc__, pool=False)
    numpy.save(options.out, numpy.concatenate(last_hidden_states(options.model, token_file.read(options.tokens), options.dtype)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
