"""A bundle's graphs in ONNX Runtime or OpenVINO: a worker of compare.py.

`theirs.py ENGINE THREADS`, ENGINE being onnxruntime, openvino (f32) or openvino_auto (the precision it chooses). Takes lines of JSON and answers each
with one: `{"load": {NAME: PATH}}` loads graphs, `{"time": N}` runs each of them N times by turns and gives the medians in ms.
Tensors are made once and stay in place, so that nothing is copied for a call or after it; graphs share those of one name.
"""

import json
import statistics
import sys
import time

import numpy as np


class OnnxRuntime:
    """Graphs in ONNX Runtime, on one pool of threads for all of them."""

    def __init__(self, threads):
        import onnxruntime as ort

        self.ort = ort
        ort.set_global_thread_pool_sizes(threads, 1)
        self.options = ort.SessionOptions()
        self.options.use_per_session_threads = False

    def tensor(self, values):
        return self.ort.OrtValue.ortvalue_from_numpy(values)

    def load(self, model, tensor):
        session = self.ort.InferenceSession(model, self.options, ["CPUExecutionProvider"])
        binding = session.io_binding()
        for i in session.get_inputs():
            binding.bind_ortvalue_input(i.name, tensor(i.name, i.shape))
        for o in session.get_outputs():
            binding.bind_ortvalue_output(o.name, tensor(o.name, o.shape))
        return lambda: session.run_with_iobinding(binding)


class OpenVino:
    """Graphs in OpenVINO, one stream."""

    def __init__(self, threads, precision):
        import openvino as ov

        self.ov, self.core = ov, ov.Core()
        self.config = {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": "1", "INFERENCE_NUM_THREADS": threads}
        if precision:
            self.config["INFERENCE_PRECISION_HINT"] = precision

    def tensor(self, values):
        return self.ov.Tensor(values)

    def load(self, model, tensor):
        model = self.core.read_model(model)
        request = self.core.compile_model(model, "CPU", self.config).create_infer_request()
        for i in request.model_inputs:
            request.set_tensor(i, tensor(i.any_name, i.shape))
        for o in request.model_outputs:
            request.set_tensor(o, tensor(o.any_name, o.shape))
        return lambda: request.infer(share_inputs=True, share_outputs=True)


def engine(name, threads):
    if name == "onnxruntime":
        return OnnxRuntime(threads)
    return OpenVino(threads, "f32" if name == "openvino" else None)


def main():
    loader = engine(sys.argv[1], int(sys.argv[2]))
    rng = np.random.default_rng(0)
    graphs, tensors = {}, {}

    def tensor(name, shape):
        shape = tuple(shape)
        if (name, shape) not in tensors:
            tensors[name, shape] = loader.tensor(rng.standard_normal(shape).astype(np.float32))
        return tensors[name, shape]

    for line in sys.stdin:
        request = json.loads(line)
        for name, path in request.get("load", {}).items():
            graphs[name] = loader.load(path, tensor)
        # What comes first after a pause takes longer: nobody's is timed.
        for run in list(graphs.values())[:1]:
            run()
        took = {name: [] for name in graphs}
        for _ in range(request.get("time", 0)):
            for name, run in graphs.items():
                start = time.perf_counter()
                run()
                took[name].append(1e3 * (time.perf_counter() - start))
        print(json.dumps({name: statistics.median(times) for name, times in took.items() if times}), flush=True)


if __name__ == "__main__":
    main()
