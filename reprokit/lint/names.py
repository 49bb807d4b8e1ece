"""Dotted names: one spelling for what libraries export under several, and the tables of what a call gives back."""

from __future__ import annotations

from reprokit.lint.values import FLOAT, INT, LIST, MASK, NDARRAY, NONE, STR, TENSOR, UNIQUE, UNKNOWN, Value, instance

_PREFIXES = (
    ("tensorflow.compat.v1.keras.", "keras."),
    ("tensorflow.compat.v1.", "tensorflow."),
    ("tensorflow.compat.v2.", "tensorflow."),
    ("tensorflow.python.keras.", "keras."),
    ("tensorflow.keras.", "keras."),
    ("tf_keras.", "keras."),
    ("torch.random.", "torch."),
    ("torch.cuda.random.", "torch.cuda."),
    ("torch.functional.", "torch."),
    ("torch.utils.data.dataloader.", "torch.utils.data."),
    ("torch.utils.data.dataset.", "torch.utils.data."),
    ("torch.nn.modules.", "torch.nn."),
    ("pytorch_lightning.", "lightning."),
    ("lightning_fabric.", "lightning."),
    ("lightning.pytorch.", "lightning."),
    ("lightning.fabric.", "lightning."),
    ("jax._src.random.", "jax.random."),
    ("numpy.random.mtrand.", "numpy.random."),
    ("multiprocess.", "multiprocessing."),
    ("torch.multiprocessing.", "multiprocessing."),
)


def canonical(name: str) -> str:
    """The spelling under which the tables know a dotted name."""
    for start, instead in _PREFIXES:
        if name.startswith(start):
            name = instead + name[len(start) :]
    return name


_TORCH_OTHER = {
    "manual_seed", "seed", "initial_seed", "get_rng_state", "set_rng_state", "save", "compile", "no_grad", "device",
    "set_default_dtype", "set_default_device", "set_num_threads", "get_num_threads", "use_deterministic_algorithms",
    "set_float32_matmul_precision", "enable_grad", "inference_mode", "is_tensor", "is_grad_enabled", "numel", "load",
    "set_grad_enabled", "autocast", "vmap", "finfo", "iinfo", "set_printoptions", "get_default_dtype", "allclose",
    "equal", "is_floating_point", "split", "chunk", "unbind", "meshgrid", "sort", "topk", "max", "min", "unique",
}  # fmt: skip
_TORCH_UNIQUE = {"arange", "randperm", "nonzero", "argsort", "where", "argwhere", "range"}
_TORCH_MASK = {"eq", "ne", "lt", "le", "gt", "ge", "isnan", "isinf", "isfinite", "logical_and", "logical_or",
               "logical_not", "bernoulli_mask"}  # fmt: skip
_NUMPY_OTHER = {"save", "savez", "load", "seed", "shape", "ndim", "size", "errstate", "dtype", "finfo", "iinfo",
                "allclose", "array_equal", "set_printoptions", "savez_compressed", "savetxt"}  # fmt: skip
_RESULTS: dict[str, Value] = {
    "torch.load": Value("dict", name="torch.load"), "os.getcwd": STR, "os.path.join": STR, "os.getenv": STR,
    "pathlib.Path": instance("pathlib.Path"), "time.strftime": Value("entropy"),
    "collections.OrderedDict": Value("dict"),
    "collections.defaultdict": Value("dict"), "collections.Counter": Value("dict"), "collections.deque": LIST,
    "torch.allclose": INT, "torch.numel": INT, "torch.split": Value("list", item=TENSOR),
    "torch.chunk": Value("list", item=TENSOR), "torch.unbind": Value("list", item=TENSOR),
    "torch.sort": Value("tuple", parts=[TENSOR, UNIQUE]), "torch.topk": Value("tuple", parts=[TENSOR, UNIQUE]),
    "torch.unique": UNIQUE, "json.load": UNKNOWN,
}  # fmt: skip


def result_of(name: str) -> Value:
    """What a call of an imported function or class gives back."""
    found = _RESULTS.get(name)
    if found is not None:
        return found
    head, _, last = name.rpartition(".")
    if head in {"torch", "torch.special", "torch.linalg"} and last[:1].islower():
        if last in _TORCH_OTHER:
            return UNKNOWN
        return UNIQUE if last in _TORCH_UNIQUE else MASK if last in _TORCH_MASK else TENSOR
    if head == "torch.nn.functional":
        return TENSOR
    if name in {"torch.nn.Parameter", "torch.nn.parameter.Parameter"}:
        return Value("tensor", detail="parameter")
    if name in {"torch.Tensor", "torch.FloatTensor", "torch.LongTensor", "torch.IntTensor"}:
        return TENSOR
    if head in {"numpy", "numpy.random", "numpy.linalg"} and last[:1].islower() and last not in _NUMPY_OTHER:
        return instance(name) if last == "default_rng" else NDARRAY
    return instance(name) if last[:1].isupper() else UNKNOWN


_BUILTIN_RESULTS = {
    "int": INT, "len": INT, "ord": INT, "abs": UNKNOWN, "float": FLOAT, "str": STR, "repr": STR, "bool": INT,
    "dict": Value("dict"), "print": NONE, "range": Value("list", item=INT, detail="range"), "chr": STR,
    "hash": UNKNOWN, "id": UNKNOWN, "round": UNKNOWN, "bytes": Value("str"), "input": STR, "isinstance": INT,
}  # fmt: skip


def builtin_result(name: str) -> Value:
    """What a call of a builtin gives back."""
    return _BUILTIN_RESULTS.get(name, UNKNOWN)


_METHOD_RESULTS = {
    "item": FLOAT, "tolist": LIST, "numpy": NDARRAY, "size": INT, "dim": INT, "numel": INT, "backward": NONE,
    "nonzero": UNIQUE, "argsort": UNIQUE, "bool": MASK, "eq": MASK, "ne": MASK, "lt": MASK, "gt": MASK, "le": MASK,
    "ge": MASK, "isnan": MASK, "data_ptr": INT, "get_device": INT, "is_contiguous": INT, "element_size": INT,
    "split": Value("list", item=TENSOR), "chunk": Value("list", item=TENSOR), "unbind": Value("list", item=TENSOR),
    "topk": Value("tuple", parts=[TENSOR, UNIQUE]), "sort": Value("tuple", parts=[TENSOR, UNIQUE]),
    "max": UNKNOWN, "min": UNKNOWN, "unique": UNIQUE,
}  # fmt: skip
_STR_METHODS = {"read_text", "format", "strip", "lower", "upper", "replace", "join", "rstrip", "lstrip", "decode",
                "hexdigest", "title", "capitalize", "read"}  # fmt: skip
_FRAMES = {"dropna", "reset_index", "copy", "drop", "rename", "fillna", "merge", "query", "sort_values", "head",
           "assign",
           "drop_duplicates", "set_index", "astype", "join", "sample", "tail", "filter"}  # fmt: skip
_KEPT = {"to", "cuda", "cpu", "detach", "clone", "contiguous", "long", "int", "flatten", "view", "reshape", "squeeze",
         "unsqueeze"}  # fmt: skip


def method_result(receiver: Value, method: str) -> Value:
    """What a method call gives back, by the receiver's kind."""
    if receiver.kind == "tensor":
        if method in _KEPT:
            return Value("tensor", detail=receiver.detail if receiver.detail != "parameter" else None)
        return _METHOD_RESULTS.get(method, TENSOR)
    if receiver.kind == "ndarray":
        return LIST if method == "tolist" else NDARRAY
    if receiver.kind == "instance" and receiver.name.startswith("pandas.") and method in _FRAMES:
        return receiver
    if method in {"split", "splitlines", "rsplit", "readlines"}:
        return Value("list", item=STR)
    return STR if method in _STR_METHODS else UNKNOWN


TENSOR_ANNOTATIONS = {"torch.Tensor", "torch.FloatTensor", "torch.LongTensor", "torch.BoolTensor"}
