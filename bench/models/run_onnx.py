"""run_onnx.py MODEL.onnx X.npy Y.npy: runs an ONNX model in onnxruntime and compares with what `roundtrip compile` wrote.

X [N, m] are the tokens (--input-npy), Y [N, m] the rows after the last layer (--output-npy). Prints how many numbers are the same bits. Exit
codes: 0 all, 1 not.
"""

import json
import sys

import numpy
import onnxruntime

if len(sys.argv) != 4:
    sys.exit(__doc__)
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
x, wanted = numpy.load(sys.argv[2]), numpy.load(sys.argv[3])
got = session.run(["y"], {"x": x})[0]
about = json.loads(session.get_modelmeta().custom_metadata_map["roundtrip"])
sizes = about["sizes"]
print(f"{about['name']}: {sizes['layers']} layers, {sizes['heads']} heads, width {sizes['width']}, source {about['source_hash']}")
same = int((got == wanted).sum()) if got.dtype == wanted.dtype and got.shape == wanted.shape else 0
print(f"onnxruntime {onnxruntime.__version__}: {same} of {wanted.size} numbers are the same bits")
sys.exit(0 if same == wanted.size else 1)
