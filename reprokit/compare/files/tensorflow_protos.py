"""The messages of TensorFlow that its files hold, as tables of fields.

Source: the ``.proto`` files in tensorflow/core/framework, tensorflow/core/protobuf and tensorflow/core/util of
TensorFlow 2.21. A message without an entry here, and a field without a line, stay content as raw bytes.
"""

from __future__ import annotations

from reprokit.compare.files.protobuf import Field, Message


def _map(name: str, value: str) -> Field:
    return Field(name, f"{value} entry", many=True, key=1)


def _table(**fields: int) -> Message:
    """Texts and single numbers, given as ``name__type=number``."""
    return {number: Field(name.rpartition("__")[0], name.rpartition("__")[2]) for name, number in fields.items()}


TABLES: dict[str, Message] = {
    "SavedModel": {1: Field("saved_model_schema_version", "int"), 2: Field("meta_graphs", "MetaGraphDef", many=True)},
    "MetaGraphDef": {
        1: Field("meta_info", "MetaInfoDef"),
        2: Field("graph", "GraphDef"),
        3: Field("saver", "bytes"),
        4: _map("collections", "bytes"),
        5: _map("signatures", "SignatureDef"),
        6: Field("assets", "bytes", many=True),
        7: Field("objects", "SavedObjectGraph"),
    },
    "MetaInfoDef": {
        1: Field("version", "str"),
        2: Field("stripped_op_list", "OpList"),
        3: Field("any_info", "bytes"),
        4: Field("tags", "str", many=True),
        5: Field("tensorflow_version", "str"),
        6: Field("tensorflow_git_version", "str"),
        7: Field("stripped_default_attrs", "bool"),
        8: _map("function_aliases", "str"),
    },
    "OpList": {1: Field("op", "OpDef", many=True, key=1)},
    "OpDef": {
        1: Field("name", "str"),
        2: Field("input_arg", "bytes", many=True),
        3: Field("output_arg", "bytes", many=True),
        4: Field("attr", "bytes", many=True),
        **_table(summary__str=5, description__str=6, is_aggregate__bool=16, is_stateful__bool=17),
        20: Field("control_output", "str", many=True),
    },
    "GraphDef": {
        1: Field("node", "NodeDef", many=True, key=1),
        2: Field("library", "FunctionDefLibrary"),
        3: Field("version", "int"),
        4: Field("versions", "bytes"),
        5: Field("debug_info", "bytes", noise=True),
    },
    "NodeDef": {
        **_table(name__str=1, op__str=2, device__str=4),
        3: Field("input", "str", many=True),
        5: _map("attr", "AttrValue"),
        6: Field("experimental_debug_info", "bytes", noise=True),
        7: Field("experimental_type", "bytes"),
    },
    "AttrValue": {
        1: Field("list", "AttrList"),
        **_table(s__bytes=2, i__int=3, f__float=4, b__bool=5, type__int=6, placeholder__str=9),
        7: Field("shape", "TensorShapeProto"),
        8: Field("tensor", "TensorProto"),
        10: Field("func", "NameAttrList"),
    },
    "AttrList": {
        2: Field("s", "bytes", many=True),
        3: Field("i", "int", many=True),
        4: Field("f", "float", many=True),
        5: Field("b", "bool", many=True),
        6: Field("type", "int", many=True),
        7: Field("shape", "TensorShapeProto", many=True),
        8: Field("tensor", "TensorProto", many=True),
        9: Field("func", "NameAttrList", many=True),
    },
    "NameAttrList": {1: Field("name", "str"), 2: _map("attr", "AttrValue")},
    "TensorShapeProto": {2: Field("dim", "bytes", many=True), 3: Field("unknown_rank", "bool")},
    "FunctionDefLibrary": {
        1: Field("function", "FunctionDef", many=True, key=101),
        2: Field("gradient", "GradientDef", many=True, key=1),
        3: Field("registered_gradients", "RegisteredGradient", many=True, key=2),
    },
    "GradientDef": _table(function_name__str=1, gradient_func__str=2),
    "RegisteredGradient": _table(gradient_func__str=1, registered_op_type__str=2),
    "FunctionDef": {
        1: Field("signature", "OpDef"),
        3: Field("node", "NodeDef", many=True, key=1),
        4: _map("ret", "str"),
        5: _map("attr", "AttrValue"),
        6: _map("control_ret", "str"),
        7: _map("arg_attr", "ArgAttrs"),
        8: _map("resource_arg_unique_id", "uint"),
    },
    "ArgAttrs": {1: _map("attr", "AttrValue")},
    "SignatureDef": {
        1: _map("inputs", "bytes"),
        2: _map("outputs", "bytes"),
        3: Field("method_name", "str"),
        4: _map("defaults", "TensorProto"),
    },
    "SavedObjectGraph": {
        1: Field("nodes", "SavedObject", many=True, nodes=True),
        2: _map("functions", "SavedConcreteFunction"),
    },
    "SavedObject": {
        1: Field("children", "ObjectReference", many=True),
        3: Field("slot_variables", "SlotVariable", many=True),
        4: Field("user_object", "bytes"),
        5: Field("asset", "bytes"),
        6: Field("function", "SavedFunction"),
        7: Field("variable", "bytes"),
        8: Field("bare_concrete_function", "SavedBareConcreteFunction"),
        9: Field("constant", "bytes"),
        10: Field("resource", "bytes"),
        11: _map("saveable_objects", "bytes"),
        13: Field("registered_name", "str"),
        15: Field("dependencies", "ObjectReference", many=True),
    },
    "ObjectReference": _table(node__node=1, name__str=2),
    "SlotVariable": _table(variable__node=1, slot_name__str=2, slot__node=3),
    "TrackableObjectGraph": {1: Field("nodes", "TrackableObject", many=True, nodes=True)},
    "TrackableObject": {
        1: Field("children", "ObjectReference", many=True),
        2: Field("attributes", "SerializedTensor", many=True),
        3: Field("slot_variables", "SlotVariable", many=True),
    },
    "SerializedTensor": _table(name__str=1, full_name__str=2, checkpoint_key__str=3),
    "SavedFunction": {1: Field("concrete_functions", "str", many=True), 2: Field("function_spec", "FunctionSpec")},
    "SavedBareConcreteFunction": {
        1: Field("concrete_function_name", "str"),
        2: Field("argument_keywords", "str", many=True),
        3: Field("allowed_positional_arguments", "int"),
        4: Field("function_spec", "FunctionSpec"),
    },
    "SavedConcreteFunction": {
        2: Field("bound_inputs", "node", many=True),
        3: Field("input_signature", "StructuredValue"),
        4: Field("output_signature", "StructuredValue"),
    },
    "FunctionSpec": {
        1: Field("fullargspec", "StructuredValue"),
        2: Field("is_method", "bool"),
        5: Field("input_signature", "StructuredValue"),
        6: Field("jit_compile", "int"),
    },
    "StructuredValue": {
        51: Field("list", "StructuredList"),
        52: Field("tuple", "StructuredList"),
        53: Field("dict", "StructuredDict"),
        54: Field("named_tuple", "StructuredNamedTuple"),
    },
    "StructuredList": {1: Field("values", "StructuredValue", many=True)},
    "StructuredDict": {1: _map("fields", "StructuredValue")},
    "StructuredNamedTuple": {1: Field("name", "str"), 2: Field("values", "StructuredPair", many=True)},
    "StructuredPair": {1: Field("key", "str"), 2: Field("value", "StructuredValue")},
    "Event": {
        1: Field("wall_time", "double", noise=True),
        2: Field("step", "int"),
        3: Field("file_version", "str"),
        4: Field("graph_def", "GraphDef"),
        6: Field("log_message", "LogMessage"),
        7: Field("session_log", "bytes"),
        8: Field("tagged_run_metadata", "bytes"),
        9: Field("meta_graph_def", "MetaGraphDef"),
        10: Field("source_metadata", "bytes"),
    },
    "LogMessage": {1: Field("level", "int"), 2: Field("message", "str")},
    "SummaryValue": {
        **_table(tag__str=1, simple_value__float=2, node_name__str=7),
        3: Field("old_histogram", "bytes"),
        4: Field("image", "SummaryImage"),
        5: Field("histogram", "Histogram"),
        6: Field("audio", "bytes"),
        8: Field("tensor", "TensorProto"),
        9: Field("metadata", "bytes"),
    },
    "SummaryImage": _table(height__int=1, width__int=2, colorspace__int=3, encoded__bytes=4),
    "Histogram": {
        **_table(min__double=1, max__double=2, num__double=3, sum__double=4, sum_squares__double=5),
        6: Field("bucket_limit", "double", many=True),
        7: Field("bucket", "double", many=True),
    },
}
# A map is a repeated message of two fields (https://protobuf.dev/programming-guides/proto3/#maps).
TABLES |= {
    f"{value} entry": {1: Field("key", "str", noise=True), 2: Field("value", value)}
    for value in (
        "bytes", "str", "uint", "SignatureDef", "AttrValue", "ArgAttrs", "TensorProto", "SavedConcreteFunction",
        "StructuredValue",
    )
}  # fmt: skip
