/** `blindlink/graph`: ONNX graphs built, joined, run and differentiated. */
export { type OnnxModel } from '../onnx/model.js';
export { readModel } from '../onnx/read-model.js';
export { writeModel } from '../onnx/write-model.js';
export { createOnnxRuntime } from '../runtime/onnx-runtime.js';
export type { Graph, Runtime } from '../runtime/runtime.js';
export { tensor, type Tensor } from '../runtime/tensor.js';
export { composeModels, type GraphPart } from './compose.js';
export { fixShapes } from './fix-shapes.js';
export { createGraphBuilder, type GraphBuilder, type Value } from './graph-builder.js';
export { vjp, type VjpOptions } from './vjp.js';
