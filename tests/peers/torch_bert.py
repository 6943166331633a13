"""torch_bert.py MODELDIR --tokens F --out F.npy [--dtype f32|f64] [--pool mean]: what `roundtrip forward` should write, by PyTorch.

The model is Hugging Face's own BertModel, which shares nothing with this tree but the file of weights. The embedding is pooled as the model
card of all-MiniLM-L6-v2 says: the mean over the tokens that are not padding, then divided by its length.
"""

import pathlib
import sys

import numpy
import torch
import transformers

import reference_program
import token_file


def load(folder: pathlib.Path, dtype: torch.dtype) -> transformers.BertModel:
    transformers.logging.set_verbosity_error()  # it would say that the pooling of another task is left out
    return transformers.BertModel.from_pretrained(folder, add_pooling_layer=False).to(dtype).eval()


def last_hidden_states(folder: pathlib.Path, sequences: list, dtype: torch.dtype) -> list:
    """A matrix [tokens, width] for each sequence; padding is masked, and keeps its rows."""
    model = load(folder, dtype)
    results = []
    for sequence in sequences:
        mask = torch.arange(len(sequence)) < token_file.without_padding(sequence, model.config.pad_token_id)
        with torch.no_grad():
            output = model(torch.tensor([sequence]), attention_mask=mask.to(torch.int64)[None])
        results.append(output.last_hidden_state[0].numpy())
    return results


def embeddings(hidden: list, sequences: list, padding: int) -> numpy.ndarray:
    """[sequences, width], from the last hidden states and in their number type."""
    lengths = [token_file.without_padding(sequence, padding) for sequence in sequences]
    means = torch.stack([torch.from_numpy(states[:length]).mean(dim=0) for states, length in zip(hidden, lengths, strict=True)])
    return torch.nn.functional.normalize(means).numpy()


def main() -> int:
    options = reference_program.options(__doc__, pool=True)
    sequences = token_file.read(options.tokens)
    hidden = last_hidden_states(options.model, sequences, options.dtype)
    padding = reference_program.config(options.model).get("pad_token_id")
    numpy.save(options.out, embeddings(hidden, sequences, padding) if options.pool else numpy.concatenate(hidden))
    return 0


if __name__ == "__main__":
    sys.exit(main())
