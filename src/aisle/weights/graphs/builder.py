"""A small pen for drawing ONNX graphs: every node and every constant gets a fresh name."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from aisle.errors import WeightsError

OPSET = 17
"""The ONNX operator set the graphs are written in: the first with LayerNormalization."""

IR_VERSION = 8
"""The file format that came with opset 17; every onnxruntime since 1.12 reads it."""

FLOAT = int(TensorProto.FLOAT)
"""What the attribute ``to`` of a Cast says for float32."""

_SMALL_BYTES = 1024

_TYPES = {"float32": TensorProto.FLOAT, "int64": TensorProto.INT64, "uint8": TensorProto.UINT8}

Shape = Sequence[int | str]
"""Sizes of the axes; a name such as ``"batch"`` stands for any size."""


class GraphBuilder:
    """Collects the nodes of one graph, in the order they are computed.

    Parameters
    ----------
    name : str
        The name of the graph, shown by tools such as Netron.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, np.ndarray] = {}
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._count = 0

    def input(self, name: str, *, dtype: str, shape: Shape) -> str:
        """Declare an input of the graph and return its name."""
        self._inputs.append(helper.make_tensor_value_info(name, _TYPES[dtype], list(shape)))
        return name

    def output(self, value: str, *, name: str, shape: Shape) -> None:
        """Declare a float32 value as an output of the graph, under a name of its own."""
        self._nodes.append(helper.make_node("Identity", [value], [name]))
        self._outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape)))

    def constant(self, array: np.ndarray | float | Sequence[int]) -> str:
        """Store an array; a float becomes a float32 scalar, a sequence of whole numbers an int64 vector."""
        if isinstance(array, float):
            array = np.asarray(array, dtype=np.float32)
        elif not isinstance(array, np.ndarray):
            array = np.asarray(array, dtype=np.int64)
        name = self._fresh("c")
        self._constants[name] = array
        return name

    def node(self, operator: str, inputs: Sequence[str], attributes: Mapping[str, Any] | None = None) -> str:
        """Add an operator and return the name of its first output."""
        name = self._fresh(operator)
        self._nodes.append(helper.make_node(operator, list(inputs), [name], name=name, **(attributes or {})))
        return name

    def model(self) -> onnx.ModelProto:
        """Return the finished model.

        Raises
        ------
        WeightsError
            The graph breaks a rule of ONNX, e.g. a node reads a value that nothing makes.
        """
        self._check()
        model = self._wrap(helper.make_graph(self._nodes, self._name, self._inputs, self._outputs))
        for name, array in self._constants.items():
            # Filled in place: every helper that takes finished tensors would copy hundreds of megabytes.
            tensor = model.graph.initializer.add()
            tensor.name = name
            tensor.data_type = helper.np_dtype_to_tensor_dtype(array.dtype)
            tensor.dims.extend(array.shape)
            tensor.raw_data = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
        return model

    def _check(self) -> None:
        """Check the graph with its large constants declared as inputs: same shapes, no copies of them."""
        large = {name for name, array in self._constants.items() if array.nbytes > _SMALL_BYTES}
        small = [
            numpy_helper.from_array(np.asarray(array, order="C"), name)
            for name, array in self._constants.items()
            if name not in large
        ]
        declared = [
            helper.make_tensor_value_info(
                name,
                helper.np_dtype_to_tensor_dtype(self._constants[name].dtype),
                self._constants[name].shape,
            )
            for name in sorted(large)
        ]
        graph = helper.make_graph(self._nodes, self._name, [*self._inputs, *declared], self._outputs, initializer=small)
        try:
            onnx.checker.check_model(self._wrap(graph), full_check=True)
        except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as err:
            raise WeightsError(f"the graph {self._name!r} is not valid ONNX: {err}") from err

    @staticmethod
    def _wrap(graph: onnx.GraphProto) -> onnx.ModelProto:
        opsets = [helper.make_opsetid("", OPSET)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="aisle")

    def _fresh(self, stem: str) -> str:
        self._count += 1
        return f"{stem}_{self._count}"
