"""A bundle's graphs as others would run them: one by one, and as one fixed network that ends at an exit."""

import json
from pathlib import Path

import onnx
from onnx import helper


class Bundle:
    """The graphs of a bundle, in the order in which a frame needs them."""

    def __init__(self, folder):
        self.folder = Path(folder)
        manifest = json.loads((self.folder / "manifest.json").read_text())
        files = manifest["files"]
        self.data = files["data"]["path"]
        self.steps = [entry["path"] for entry in files["steps"]]
        self.exits = [entry["path"] for entry in files["exits"]]
        self.iterations = max(manifest["iterations"]["useful"], len(self.steps), len(self.exits))

    def files(self):
        """The files of all graphs."""
        return [self.data, *self.steps, *self.exits]

    def grid(self):
        """Width and height of the logits."""
        sides = onnx.load(self.path(self.exits[0])).graph.output[0].type.tensor_type.shape.dim
        return sides[3].dim_value, sides[2].dim_value

    def stages(self, iterations):
        """The files of a frame with that many iterations and the last one's exit."""
        steps = [self.steps[min(i, len(self.steps) - 1)] for i in range(iterations)]
        return [self.data, *steps, self.exits[min(iterations, len(self.exits)) - 1]]

    def path(self, file):
        return self.folder / file

    def fixed(self, iterations):
        """One model of a frame's graphs: `image` to the logits of that exit."""
        slots, nodes, weights = {"image": "image"}, [], []
        for place, file in enumerate(self.stages(iterations)):
            graph = onnx.load(self.path(file)).graph
            if place == 0:
                first, opset = graph.input[0], onnx.load(self.path(file)).opset_import
            own = {weight.name for weight in graph.initializer}
            taken = {i.name: slots[i.name] for i in graph.input if i.name not in own}
            rename = lambda name: taken.get(name) or (name and f"{place}.{name}")
            for weight in graph.initializer:
                weight.name = rename(weight.name)
                weights.append(weight)
            for node in graph.node:
                node.name = rename(node.name)
                node.input[:] = [rename(name) for name in node.input]
                node.output[:] = [rename(name) for name in node.output]
                nodes.append(node)
            last = graph.output[0]
            for output in graph.output:
                slots[output.name.removesuffix("_next")] = rename(output.name)
        last.name = slots[last.name.removesuffix("_next")]
        whole = helper.make_graph(nodes, "frame", [first], [last], weights)
        model = helper.make_model(whole, opset_imports=opset)
        model.ir_version = 8
        onnx.checker.check_model(model, full_check=True)
        return model.SerializeToString()
