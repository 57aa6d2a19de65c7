"""Stores an ONNX file's large float32 constants as float16 or as bytes with scales, made float32 again when the graph is loaded."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

LEAST_SIZE = 256


def halve_weights(path: str) -> None:
    """As float16, in place: half the size. Small constants (biases, shapes) stay as they are."""
    rewrite(path, half)


def quarter_weights(path: str) -> None:
    """Kernels as int8 with a scale for each output channel, w ≈ scale·q, other large constants as float16; in place: a quarter of the size.

    A weight is off by at most 1/254 of its channel's largest.
    """
    rewrite(path, lambda name, values: quantised(name, values) if values.ndim == 4 and values[0].size >= 64 else half(name, values))


def rewrite(path: str, shrink) -> None:
    model = onnx.load(path)
    graph = model.graph
    nodes, initializers = [], []
    for initializer in graph.initializer:
        values = numpy_helper.to_array(initializer)
        if values.dtype != np.float32 or values.size < LEAST_SIZE:
            initializers.append(initializer)
            continue
        kept, restoring = shrink(initializer.name, values)
        initializers += kept
        nodes += restoring
    nodes += list(graph.node)
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(initializers)
    onnx.save(model, path)


def half(name: str, values: np.ndarray):
    kept = numpy_helper.from_array(values.astype(np.float16), name + "_half")
    return [kept], [helper.make_node("Cast", [name + "_half"], [name], name=name + "_cast", to=onnx.TensorProto.FLOAT)]


def quantised(name: str, values: np.ndarray):
    scale = np.abs(values).max(axis=(1, 2, 3), keepdims=True).astype(np.float32) / 127
    scale = np.maximum(scale, 1e-12).astype(np.float32)
    kept = [
        numpy_helper.from_array(np.round(values / scale).astype(np.int8), name + "_byte"),
        numpy_helper.from_array(scale, name + "_scale"),
    ]
    cast = helper.make_node("Cast", [name + "_byte"], [name + "_wide"], name=name + "_cast", to=onnx.TensorProto.FLOAT)
    return kept, [cast, helper.make_node("Mul", [name + "_wide", name + "_scale"], [name], name=name + "_scaled")]
