"""prepare_tokens.py [--check]: writes the token files in bench/data, or checks that they are what it would write.

minilm-sentences.tokens: the lines of minilm-sentences.txt by the tokenizer of all-MiniLM-L6-v2, each padded to 128 ids.
tiny-gpt2.tokens: random ids for tiny-gpt2, in sequences of lengths from one id to all of its positions.
The files are committed, so that running a model needs no tokenizer; this is run again when the sentences change.
"""

import pathlib
import random
import sys

import tokenizers

TREE = pathlib.Path(__file__).resolve().parents[2]
DATA, MODELS = TREE / "bench" / "data", TREE / "build" / "models"
SENTENCE_LENGTH, PADDING = 128, 0
GPT2_LENGTHS, GPT2_VOCABULARY, SEED = (1, 2, 3, 7, 16, 17, 31, 64), 200, 7


def sentence_ids() -> list:
    """The ids of every sentence, with those that mark its ends, padded."""
    tokenizer = tokenizers.Tokenizer.from_file(str(MODELS / "all-MiniLM-L6-v2" / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    sentences = (DATA / "minilm-sentences.txt").read_text().splitlines()
    ids = [encoding.ids for encoding in tokenizer.encode_batch(sentences)]
    longest = max(len(one) for one in ids)
    if longest > SENTENCE_LENGTH:
        raise SystemExit(f"prepare_tokens: expected sentences of at most {SENTENCE_LENGTH} ids, got {longest}")
    return [one + [PADDING] * (SENTENCE_LENGTH - len(one)) for one in ids]


def gpt2_ids() -> list:
    generator = random.Random(SEED)
    return [[generator.randrange(GPT2_VOCABULARY) for _ in range(length)] for length in GPT2_LENGTHS]


def text_of(sequences: list) -> str:
    return "".join(" ".join(map(str, sequence)) + "\n" for sequence in sequences)


def main() -> int:
    if sys.argv[1:] not in ([], ["--check"]):
        print("usage: prepare_tokens.py [--check]", file=sys.stderr)
        return 2
    stale = 0
    for name, sequences in (("minilm-sentences.tokens", sentence_ids()), ("tiny-gpt2.tokens", gpt2_ids())):
        path, text = DATA / name, text_of(sequences)
        if not sys.argv[1:]:
            path.write_text(text)
        elif path.read_text() != text:
            print(f"prepare_tokens: {path} is not what its sources give; run bench/models/prepare_tokens.py", file=sys.stderr)
            stale += 1
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
