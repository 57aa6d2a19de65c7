"""Stores an ONNX file's large float32 constants as float16, cast back when the graph is loaded: half the size."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

LEAST_SIZE = 256


def halve_weights(path: str) -> None:
    """In place. Small constants (biases, shapes) stay as they are."""
    model = onnx.load(path)
    graph = model.graph
    casts = []
    for initializer in graph.initializer:
        values = numpy_helper.to_array(initializer)
        if values.dtype != np.float32 or values.size < LEAST_SIZE:
            continue
        name = initializer.name
        initializer.CopyFrom(numpy_helper.from_array(values.astype(np.float16), name + "_half"))
        casts.append(helper.make_node("Cast", [name + "_half"], [name], name=name + "_cast", to=onnx.TensorProto.FLOAT))
    nodes = casts + list(graph.node)
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.save(model, path)
