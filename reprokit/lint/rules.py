"""The rules of `reprokit lint`: codes, what they mean, what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reprokit.lint.findings import Level

_TORCH = "https://docs.pytorch.org/docs/stable/notes/randomness.html"
_TORCH_MODE = "https://docs.pytorch.org/docs/stable/generated/torch.use_deterministic_algorithms.html"
_TF_MODE = "https://www.tensorflow.org/api_docs/python/tf/config/experimental/enable_op_determinism"
_NUMPY = "https://numpy.org/doc/stable/reference/random/index.html"
_HASH = "https://docs.python.org/3/using/cmdline.html#envvar-PYTHONHASHSEED"
_LISTDIR = "https://docs.python.org/3/library/os.html#os.listdir"
_LOADER = "https://docs.pytorch.org/docs/stable/notes/randomness.html#dataloader"
_TFDATA = "https://www.tensorflow.org/api_docs/python/tf/data/Dataset#map"
_JAX = "https://docs.jax.dev/en/latest/random-numbers.html"
_FUTURES = "https://docs.python.org/3/library/concurrent.futures.html#concurrent.futures.as_completed"
_CUDNN = "https://docs.pytorch.org/docs/stable/notes/randomness.html#cuda-convolution-benchmarking"
_TF32 = "https://docs.pytorch.org/docs/stable/notes/numerical_accuracy.html"


@dataclass(frozen=True)
class Rule:
    """One rule: its short name, its usual level, what goes wrong, what to do, and where that is documented.

    Args:
        effect: how a message about lost order ends.
    """

    name: str
    level: Level
    why: str
    remedy: str
    source: str
    effect: str = ""


RULES: dict[str, Rule] = {
    "RPL001": Rule(
        "unseeded-random", "warning",
        "Python's global generator is used and the program never seeds it, so each run draws other numbers.",
        "Call random.seed(SEED) once at the start, or draw from random.Random(SEED).",
        "https://docs.python.org/3/library/random.html#random.seed",
    ),
    "RPL002": Rule(
        "unseeded-numpy", "warning",
        "NumPy's global generator is used, by the script or by a library such as scikit-learn, and the program never "
        "seeds it.",
        "Draw from np.random.default_rng(SEED) and pass it on, or call np.random.seed(SEED) once at the start.",
        _NUMPY,
    ),
    "RPL003": Rule(
        "unseeded-torch", "warning",
        "PyTorch's global generator is used (a draw, the first weights of a layer, dropout, shuffling) and the program "
        "never seeds it.",
        "Call torch.manual_seed(SEED) once, before the model is built.", _TORCH,
    ),
    "RPL004": Rule(
        "unseeded-tensorflow", "warning",
        "TensorFlow or Keras draws random numbers and the program never seeds them.",
        "Call keras.utils.set_random_seed(SEED) (or tf.random.set_seed) once, before the model is built.",
        "https://keras.io/api/utils/python_utils/#set_random_seed-function",
    ),
    "RPL005": Rule(
        "generator-without-seed", "warning",
        "A generator is made without a seed, so it takes one from the operating system. Seeding the global generators "
        "does not change that.",
        "Give it a seed.", _NUMPY,
    ),
    "RPL006": Rule(
        "drawn-before-seed", "warning",
        "Random numbers are drawn before the program seeds the generator they come from: the seed comes too late for "
        "them.",
        "Seed at the start, before models, data and splits are made.", _TORCH,
    ),
    "RPL007": Rule(
        "seed-from-surroundings", "warning",
        "A seed is taken from the clock, a process id, the operating system, an address or a string's hash: it is "
        "another one in each run.",
        "Use a fixed number or an argument, and write it into the run's results.",
        "https://numpy.org/doc/stable/reference/random/bit_generators/index.html#seeding-and-entropy",
    ),
    "RPL010": Rule(
        "set-order", "warning",
        "The order of a set of strings, or of anything whose hash is not a number's, differs between processes "
        "(PYTHONHASHSEED). A vocabulary, a list of classes or a batch made in that order differs too.",
        "Use sorted(…), or dict.fromkeys(…) to keep the first occurrence's place.", _HASH,
        " differs between processes, and it is used here",
    ),
    "RPL011": Rule(
        "directory-order", "warning",
        "A directory is listed in the order in which the file system holds it; another disk, or a fresh copy, gives "
        "another order.",
        "Put sorted(…) around it.", _LISTDIR,
        " is the file system's, which differs between disks, and it is used here",
    ),
    "RPL012": Rule(
        "hash-as-value", "warning",
        "The built-in hash() of a string differs between processes, and id() is an address: what is computed from "
        "them (a bucket, a split, an order) differs between runs.",
        "Use hashlib or zlib.crc32 over the encoded text; order by a name instead of an address.", _HASH,
    ),
    "RPL013": Rule(
        "order-of-completion", "warning",
        "Results are taken in the order in which threads or processes finish, which differs between runs.",
        "Use map(), or gather the futures in the order in which they were submitted, or sort what comes back.",
        _FUTURES,
        " is the order of completion, which differs between runs, and it is used here",
    ),
    "RPL020": Rule(
        "loader-workers", "warning",
        "The loader's worker processes draw random numbers, and nothing says from which seed: PyTorch derives each "
        "worker's seed from a number drawn from the global generator when an epoch starts, and a generator object that "
        "the dataset holds is copied into every worker.",
        "Pass generator=torch.Generator().manual_seed(SEED) and a worker_init_fn that seeds what the dataset "
        "draws from with torch.initial_seed().", _LOADER,
    ),
    "RPL021": Rule(
        "loader-shuffle", "note",
        "The order of a shuffling loader is drawn from the global generator when an epoch starts: any other draw "
        "before it (another model, an evaluation, a resumed run) changes every later epoch.",
        "Pass generator=torch.Generator().manual_seed(SEED) to the loader.", _LOADER,
    ),
    "RPL030": Rule(
        "cudnn-benchmark", "warning",
        "cuDNN times its algorithms and takes the fastest, which may be another one in each run.",
        "Leave torch.backends.cudnn.benchmark False, and set torch.backends.cudnn.deterministic = True.", _CUDNN,
    ),
    "RPL031": Rule(
        "determinism-undone", "warning",
        "A switch that makes the run deterministic is turned off here; whatever set it before is undone.",
        "Remove this line, or confine it to code whose results do not count.", _TORCH_MODE,
    ),
    "RPL032": Rule(
        "reduced-precision", "note",
        "Matrix products in TF32 or with reduced-precision sums repeat on one device, and differ from other "
        "devices and from full precision.",
        "Leave it off where results from several devices are compared.", _TF32,
    ),
    "RPL033": Rule(
        "hash-seed-too-late", "warning",
        "PYTHONHASHSEED is read when the interpreter starts. Setting it from within changes nothing for this process.",
        "Set it before Python starts: PYTHONHASHSEED=0 python train.py.", _HASH,
    ),
    "RPL040": Rule(
        "torch-nondeterministic", "warning",
        "PyTorch's documentation of this version names the operation as nondeterministic.",
        "Call torch.use_deterministic_algorithms(True).", _TORCH_MODE,
    ),
    "RPL041": Rule(
        "torch-raises", "warning",
        "The program asks for deterministic algorithms, and PyTorch has none for this operation in this version: it "
        "raises RuntimeError.",
        "Replace the operation, or run it on the CPU.", _TORCH_MODE,
    ),
    "RPL042": Rule(
        "torch-index-write", "warning",
        "Writing to a tensor at places given by an index tensor is index_put_ without accumulation: where a place "
        "occurs twice, which write wins is undefined.",
        "To add up, use x.index_add_(0, idx, v) or x.index_put_((idx,), v, accumulate=True); else make the indices "
        "unique, or call torch.use_deterministic_algorithms(True).", _TORCH_MODE,
    ),
    "RPL043": Rule(
        "tensorflow-nondeterministic", "warning",
        "TensorFlow's release notes name the operation as nondeterministic on a GPU unless op determinism is on.",
        "Call tf.config.experimental.enable_op_determinism() after seeding.", _TF_MODE,
    ),
    "RPL044": Rule(
        "tensorflow-raises", "warning",
        "The program enables op determinism, and TensorFlow has no deterministic kernel for this operation: it raises "
        "UnimplementedError on a GPU.",
        "Replace the operation, or run it on the CPU.", _TF_MODE,
    ),
    "RPL050": Rule(
        "tf-data-order", "warning",
        "A tf.data pipeline is told that it may hand out elements in the order in which they become ready.",
        "Remove deterministic=False; the default keeps the order.", _TFDATA,
    ),
    "RPL051": Rule(
        "tf-data-random", "warning",
        "A parallel map draws from a stateful generator: which element gets which number depends on the threads, "
        "whatever the seed.",
        "Use tf.random.stateless_* with a seed per element (Dataset.random or enumerate), or drop num_parallel_calls.",
        _TFDATA,
    ),
    "RPL060": Rule(
        "jax-key-reuse", "warning",
        "A JAX key is used twice: both draws give correlated or equal numbers, since a key is not advanced by use.",
        "Split it: key, sub = jax.random.split(key), and use each once.", _JAX,
    ),
    "RPL070": Rule(
        "resume-without-rng", "warning",
        "The optimizer's state is restored from a checkpoint and the generators' states are not, so a resumed run "
        "draws other batches, masks and noise than one that went through.",
        "Save torch.get_rng_state() (and CUDA's, NumPy's, random's) in the checkpoint, and set them when resuming.",
        "https://docs.pytorch.org/docs/stable/generated/torch.get_rng_state.html",
    ),
    "RPL080": Rule(
        "shared-updates", "warning",
        "Several processes update one model without waiting for each other (Hogwild): the updates' order, and so the "
        "weights, differ between runs.",
        "Use DistributedDataParallel, or one process where the result must repeat.",
        "https://docs.pytorch.org/docs/stable/notes/multiprocessing.html#hogwild",
    ),
    "RPL090": Rule(
        "not-read", "warning",
        "The file could not be read as Python, so nothing is known of it.",
        "Mend it, or leave it out with exclude.", "https://docs.python.org/3/library/ast.html#ast.parse",
    ),
    "RPL091": Rule(
        "unused-ignore", "note",
        "A comment silences a finding that is not there.",
        "Remove the comment.", "https://reprokit.readthedocs.io/howto/lint/",
    ),
}  # fmt: skip
"""Every rule by code. A code is never reused."""
