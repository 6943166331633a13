"""forward_contestant.py LIBRARY forward MODELDIR TOKENSFILE THREADS
forward_contestant.py LIBRARY attention N D THREADS

A peer of benchmarks/forward_pass that speaks its protocol: prints `ready DESCRIPTION` once it has loaded and run a few times, then for
every line `run` on standard input does one pass and prints the seconds that it took. LIBRARY: onnxruntime, pytorch, or pytorch-encoder,
which is PyTorch's own fused TransformerEncoder with the weights of the BERT.
"""

import pathlib
import sys
import time
from typing import Callable

import numpy
import torch

MODELS = pathlib.Path(__file__).resolve().parents[2] / "build" / "models"
WARM_UP = 3


def read_ids(path: str) -> numpy.ndarray:
    """[1, tokens], without padding."""
    return numpy.array([[int(word) for word in pathlib.Path(path).read_text().split()]], dtype=numpy.int64)


def attention_input(tokens: str, width: str) -> list:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn((int(tokens), int(width)), generator=generator) for _ in range(3)]


# ---- onnxruntime ------------------------------------------------------------------------------------------------------------------------


def onnxruntime_pass(graph: str, inputs: dict, threads: int) -> Callable[[], numpy.ndarray]:
    import onnxruntime  # not where PyTorch is timed: each brings its own threads

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(str(MODELS / graph), options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, inputs)[0]


def onnxruntime_forward(folder: str, tokens: str, threads: int) -> Callable:
    ids = read_ids(tokens)
    return onnxruntime_pass(f"{pathlib.Path(folder).name}.onnx", {"ids": ids, "mask": numpy.ones_like(ids)}, threads)


def onnxruntime_attention(tokens: str, width: str, threads: int) -> Callable:
    inputs = dict(zip("qkv", (one.numpy() for one in attention_input(tokens, width)), strict=True))
    return onnxruntime_pass("attention.onnx", inputs, threads)


# ---- PyTorch ----------------------------------------------------------------------------------------------------------------------------


def load_bert(folder: str) -> torch.nn.Module:
    import transformers

    transformers.logging.set_verbosity_error()  # it would say that the pooling of another task is left out
    return transformers.BertModel.from_pretrained(folder, add_pooling_layer=False).eval()


def pytorch_forward(folder: str, tokens: str, threads: int) -> Callable:
    torch.set_num_threads(threads)
    model, ids = load_bert(folder), torch.from_numpy(read_ids(tokens))
    return lambda: model(ids).last_hidden_state


def encoder_layer(layer: torch.nn.Module, config) -> torch.nn.TransformerEncoderLayer:
    """One layer of the BERT as PyTorch's own."""
    result = torch.nn.TransformerEncoderLayer(config.hidden_size, config.num_attention_heads, config.intermediate_size, activation="gelu",
                                              layer_norm_eps=config.layer_norm_eps, batch_first=True)
    attention = layer.attention.self
    projections = (attention.query, attention.key, attention.value)
    result.self_attn.in_proj_weight.data = torch.cat([one.weight for one in projections])
    result.self_attn.in_proj_bias.data = torch.cat([one.bias for one in projections])
    for target, source in ((result.self_attn.out_proj, layer.attention.output.dense), (result.norm1, layer.attention.output.LayerNorm),
                           (result.linear1, layer.intermediate.dense), (result.linear2, layer.output.dense),
                           (result.norm2, layer.output.LayerNorm)):
        target.load_state_dict(source.state_dict())
    return result.eval()


def encoder_forward(folder: str, tokens: str, threads: int) -> Callable:
    torch.set_num_threads(threads)
    model, ids = load_bert(folder), torch.from_numpy(read_ids(tokens))
    encoder = torch.nn.Sequential(*(encoder_layer(layer, model.config) for layer in model.encoder.layer)).eval()
    error = float((encoder(model.embeddings(ids)) - model(ids).last_hidden_state).abs().max())
    if not error <= 1e-4:
        raise SystemExit(f"forward_contestant: TransformerEncoder and BertModel differ by {error}")
    return lambda: encoder(model.embeddings(ids))


def pytorch_attention(tokens: str, width: str, threads: int) -> Callable:
    torch.set_num_threads(threads)
    q, k, v = attention_input(tokens, width)
    scale = int(width) ** -0.5
    return lambda: torch.softmax(q @ k.T * scale, dim=1) @ v


# ---- The protocol -----------------------------------------------------------------------------------------------------------------------

PASSES = {
    ("onnxruntime", "forward"): onnxruntime_forward,
    ("onnxruntime", "attention"): onnxruntime_attention,
    ("pytorch", "forward"): pytorch_forward,
    ("pytorch", "attention"): pytorch_attention,
    ("pytorch-encoder", "forward"): encoder_forward,
}


def description(library: str) -> str:
    if library == "onnxruntime":
        import onnxruntime

        return f"onnxruntime {onnxruntime.__version__}"
    return f"PyTorch {torch.__version__}"


def main() -> int:
    if len(sys.argv) != 6 or (sys.argv[1], sys.argv[2]) not in PASSES:
        print(__doc__, file=sys.stderr)
        return 2
    library, work, first, second, threads = sys.argv[1:]
    with torch.no_grad():
        one_pass = PASSES[library, work](first, second, int(threads))
        for _ in range(WARM_UP):
            one_pass()
        print("ready", description(library), flush=True)
        for _ in sys.stdin:
            start = time.perf_counter()
            one_pass()
            print(f"{time.perf_counter() - start:.9f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
