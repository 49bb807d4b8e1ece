"""Draws from global generators, and generators that are made without a seed."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from reprokit.lint.values import Value

if TYPE_CHECKING:
    from reprokit.lint.checks.invocation import Invocation

_RANDOM = {
    "random", "randint", "randrange", "choice", "choices", "shuffle", "sample", "uniform", "gauss", "normalvariate",
    "betavariate", "expovariate", "gammavariate", "lognormvariate", "paretovariate", "triangular", "vonmisesvariate",
    "weibullvariate", "getrandbits", "randbytes", "binomialvariate",
}  # fmt: skip
_NUMPY = {
    "rand", "randn", "randint", "random", "random_sample", "ranf", "sample", "choice", "shuffle", "permutation",
    "normal",
    "uniform", "standard_normal", "beta", "binomial", "bytes", "chisquare", "dirichlet", "exponential", "gamma",
    "geometric", "gumbel", "laplace", "lognormal", "logistic", "multinomial", "multivariate_normal", "pareto",
    "poisson",
    "power", "rayleigh", "triangular", "vonmises", "wald", "weibull", "zipf", "random_integers", "standard_gamma",
    "negative_binomial", "hypergeometric", "f", "standard_t", "standard_cauchy", "standard_exponential", "logseries",
}  # fmt: skip
_TORCH = {
    "rand", "randn", "randint", "randperm", "normal", "bernoulli", "multinomial", "poisson", "rand_like", "randn_like",
    "randint_like", "dropout",
}  # fmt: skip
_TORCH_METHODS = {"normal_", "uniform_", "random_", "bernoulli_", "exponential_", "cauchy_", "log_normal_",
                  "geometric_",
                  "multinomial", "bernoulli"}  # fmt: skip
_LAYERS = {
    "Linear", "Bilinear", "LazyLinear", "Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d",
    "ConvTranspose3d", "Embedding", "EmbeddingBag", "RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell",
    "MultiheadAttention", "Transformer", "TransformerEncoderLayer", "TransformerDecoderLayer", "Dropout", "Dropout1d",
    "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout", "RReLU", "LazyConv2d", "LazyConv1d",
}  # fmt: skip
"""Layers whose first weights are drawn when they are made, or that draw in every step."""
_DROPOUTS = {"dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout", "rrelu",
             "gumbel_softmax", "fractional_max_pool2d", "fractional_max_pool3d"}  # fmt: skip
_FIXED_INITS = {"zeros_", "ones_", "constant_", "eye_", "dirac_", "calculate_gain"}
_TENSORFLOW = {"normal", "uniform", "truncated_normal", "shuffle", "categorical", "gamma", "poisson",
               "fixed_unigram_candidate_sampler",
               "set_global_generator", "get_global_generator", "random_normal", "random_uniform"}  # fmt: skip
_KERAS_LAYERS = {
    "Dense", "Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "SeparableConv2D", "DepthwiseConv2D", "Embedding", "LSTM",
    "GRU", "SimpleRNN", "MultiHeadAttention", "Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianNoise",
    "GaussianDropout", "AlphaDropout", "RandomFlip", "RandomRotation", "RandomZoom", "RandomCrop", "RandomTranslation",
    "RandomContrast", "RandomBrightness",
}  # fmt: skip
_SKLEARN = {
    "train_test_split", "RandomForestClassifier", "RandomForestRegressor", "ExtraTreesClassifier",
    "ExtraTreesRegressor",
    "GradientBoostingClassifier", "GradientBoostingRegressor", "DecisionTreeClassifier", "DecisionTreeRegressor",
    "ExtraTreeClassifier", "ExtraTreeRegressor", "KMeans", "MiniBatchKMeans", "BisectingKMeans", "GaussianMixture",
    "BayesianGaussianMixture", "MLPClassifier", "MLPRegressor", "SGDClassifier", "SGDRegressor", "SGDOneClassSVM",
    "Perceptron", "PassiveAggressiveClassifier", "PassiveAggressiveRegressor", "BaggingClassifier", "BaggingRegressor",
    "AdaBoostClassifier", "AdaBoostRegressor", "IsolationForest", "RandomizedSearchCV", "HalvingGridSearchCV",
    "HalvingRandomSearchCV", "ParameterSampler", "ShuffleSplit", "StratifiedShuffleSplit", "GroupShuffleSplit",
    "RepeatedKFold", "RepeatedStratifiedKFold", "TSNE", "MDS", "FastICA", "NMF", "MiniBatchNMF", "TruncatedSVD",
    "LatentDirichletAllocation", "DictionaryLearning", "MiniBatchDictionaryLearning", "SparsePCA", "MiniBatchSparsePCA",
    "FactorAnalysis", "RBFSampler", "Nystroem", "PolynomialCountSketch", "AdditiveChi2Sampler", "SkewedChi2Sampler",
    "GaussianRandomProjection", "SparseRandomProjection", "BernoulliRBM", "SpectralEmbedding", "resample", "shuffle",
    "permutation_importance", "make_classification", "make_regression", "make_blobs", "make_moons", "make_circles",
    "make_swiss_roll", "make_s_curve", "make_friedman1", "make_friedman2", "make_friedman3", "make_gaussian_quantiles",
    "make_multilabel_classification", "make_low_rank_matrix", "make_sparse_uncorrelated", "QuantileTransformer",
}  # fmt: skip
"""Names in scikit-learn that draw from NumPy's global generator when `random_state` is None (scikit-learn,
Glossary)."""
_SKLEARN_ONLY_SHUFFLED = {"KFold", "StratifiedKFold", "StratifiedGroupKFold"}
_HELD = {"numpy.random.default_rng", "numpy.random.RandomState", "random.Random"}
_SHORT = {"random": "Python's global generator", "numpy": "NumPy's global generator",
          "torch": "PyTorch's global generator",
          "tensorflow": "TensorFlow's global generator", "keras": "Keras's global generator"}  # fmt: skip
_CODES = {"random": "RPL001", "numpy": "RPL002", "torch": "RPL003", "tensorflow": "RPL004", "keras": "RPL004"}
_SEEDED_BY = {"tensorflow": ("tensorflow",), "keras": ("keras", "tensorflow", "random")}


def drawn(made: Invocation, library: str, what: str, *, once: str = "") -> None:
    """A draw from a library's global generator: void if the program seeds that."""
    walk = made.walk
    walk.draws(library, made.node)
    message = f"{what} draws from {_SHORT[library]}, which the program never seeds"
    unless = _SEEDED_BY.get(library, (library,))
    if once:
        walk.report_first(f"{library}:{once}", _CODES[library], made.node, message, unless=unless)
    else:
        walk.report(_CODES[library], made.node, message, unless=unless)


def _random(made: Invocation) -> None:
    _, _, last = made.name.rpartition(".")
    if made.name == f"random.{last}" and last in _RANDOM:
        drawn(made, "random", f"random.{last}()")


def _numpy(made: Invocation) -> None:
    head, _, last = made.name.rpartition(".")
    if head == "numpy.random" and last in _NUMPY:
        drawn(made, "numpy", f"np.random.{last}()")


def _torch(made: Invocation) -> None:
    head, _, last = made.name.rpartition(".")
    if "generator" in made.keywords and made.keywords["generator"].kind != "none":
        return
    if head == "torch" and last in _TORCH:
        drawn(made, "torch", f"torch.{last}()")
    elif head == "torch.nn" and last in _LAYERS:
        drawn(made, "torch", f"nn.{last}", once="layers")
    elif head == "torch.nn.init" and last.endswith("_") and last not in _FIXED_INITS:
        drawn(made, "torch", f"nn.init.{last}()", once="init")
    elif head == "torch.nn.functional" and last in _DROPOUTS:
        drawn(made, "torch", f"F.{last}()", once="dropout")
    elif made.name == "torch.utils.data.random_split":
        drawn(made, "torch", "random_split() without a generator")
    elif head == "torch.utils.data" and last in {"RandomSampler", "WeightedRandomSampler", "SubsetRandomSampler"}:
        drawn(made, "torch", f"{last} without a generator")


def _torch_method(made: Invocation) -> None:
    receiver = made.receiver
    if receiver is None or "generator" in made.keywords:
        return
    if receiver.kind == "tensor" or (made.name.endswith("_") and receiver.kind in {"unknown", "parameter"}):
        made.walk.draws("torch", made.node)
        unless = ("torch",)
        message = f".{made.name}() draws from {_SHORT['torch']}, which the program never seeds"
        made.walk.report("RPL003", made.node, message, unless=unless)


def _tensorflow(made: Invocation) -> None:
    head, _, last = made.name.rpartition(".")
    # Without a global seed, an operation's own seed starts from it alone (tf.random.set_seed, rule 3 of its page).
    if head == "tensorflow.random" and last in _TENSORFLOW and not _seed_given(made):
        drawn(made, "tensorflow", f"tf.random.{last}()")
    elif made.name == "tensorflow.random.Generator.from_non_deterministic_state":
        _unseeded(made, "tf.random.Generator.from_non_deterministic_state() takes its seed from the operating system")
    elif made.name == "tensorflow.data.Dataset.list_files" and not _seed_given(made):
        shuffled = made.keywords.get("shuffle")
        if shuffled is None or shuffled.detail is not False:
            drawn(made, "tensorflow", "Dataset.list_files() shuffles, and so")


def _seed_given(made: Invocation) -> bool:
    seed = made.keywords.get("seed")
    return made.hidden() or (seed is not None and seed.kind != "none")


def _keras(made: Invocation) -> None:
    head, _, last = made.name.rpartition(".")
    if head == "keras.layers" and last in _KERAS_LAYERS and not _seed_given(made):
        drawn(made, "keras", f"layers.{last}", once="layers")
    elif head == "keras.random" and last != "SeedGenerator" and not _seed_given(made):
        drawn(made, "keras", f"keras.random.{last}()")


def _sklearn(made: Invocation) -> None:
    _, _, last = made.name.rpartition(".")
    shuffled = made.keywords.get("shuffle")
    if last in _SKLEARN_ONLY_SHUFFLED:
        if shuffled is None or shuffled.detail is not True:
            return
    elif last not in _SKLEARN or (shuffled is not None and shuffled.detail is False and last == "train_test_split"):
        return
    state = made.keywords.get("random_state")
    if (state is None or state.kind == "none") and not made.hidden():
        drawn(made, "numpy", f"{last} without random_state")


def _unseeded(made: Invocation, message: str) -> Value:
    made.walk.report("RPL005", made.node, message)
    return Value("instance", made.name)


def _generator(made: Invocation) -> Value:
    """A generator is unseeded without a first argument, or with None."""
    names = ("seed", "x", "entropy", "legacy_seeding", "bit_generator")
    given = next((made.keywords[name] for name in names if name in made.keywords), None)
    if given is None and made.args:
        given = made.args[0]
    if (given is None or given.kind == "none") and not made.hidden():
        short = made.name.replace("numpy.", "np.")
        return _unseeded(made, f"{short}() takes its seed from the operating system")
    return Value("instance", made.name)


def _pandas(made: Invocation) -> None:
    receiver, state = made.receiver, made.keywords.get("random_state")
    frame = receiver is not None and receiver.kind == "instance" and receiver.name.startswith("pandas.")
    if frame and (state is None or state.kind == "none") and not made.hidden():
        drawn(made, "numpy", f".{made.name}() without random_state")


def _frame(_made: Invocation) -> Value:
    return Value("instance", "pandas.DataFrame")


def _scipy(made: Invocation) -> None:
    state = made.keywords.get("random_state")
    if made.name.startswith("scipy.stats.") and made.name.endswith(".rvs") and (state is None or state.kind == "none"):
        drawn(made, "numpy", f"{made.name[6:]}() without random_state")


def _own(made: Invocation) -> None:
    """`self.rng.normal()`: a generator that an object holds, which matters where the object is copied into workers."""
    held = getattr(made.node.func, "value", None)
    receiver, walk = made.receiver, made.walk
    if receiver is None or receiver.kind != "instance" or receiver.name not in _HELD or not walk.classes:
        return
    if isinstance(held, ast.Attribute) and walk.function is not None:
        walk.classes[-1].draws.setdefault(f"own:{walk.function.name}", made.node)


def _operating_system(made: Invocation) -> None:
    last = made.name.rpartition(".")[2]
    if last in {"choice", "randbelow", "randbits"} or made.name == "random.SystemRandom":
        made.walk.report("RPL005", made.node, f"{made.name}() draws from the operating system and cannot be seeded")


CALLS = {
    **dict.fromkeys(
        ("numpy.random.default_rng", "numpy.random.RandomState", "numpy.random.SeedSequence", "numpy.random.PCG64",
         "numpy.random.PCG64DXSM", "numpy.random.Philox", "numpy.random.MT19937", "numpy.random.SFC64",
         "random.Random"),
        _generator),
    **dict.fromkeys(("pandas.DataFrame", "pandas.read_csv", "pandas.read_parquet", "pandas.read_json", "pandas.concat",
                     "pandas.read_excel", "pandas.read_table", "pandas.merge"), _frame),
    "random.SystemRandom": _operating_system, "secrets.choice": _operating_system,
    "secrets.randbelow": _operating_system,
    "secrets.randbits": _operating_system,
}  # fmt: skip
METHODS = {**dict.fromkeys(_TORCH_METHODS, _torch_method), "sample": _pandas}
HEADS = {
    "": [_own], "random": [_random], "numpy": [_numpy], "torch": [_torch], "tensorflow": [_tensorflow],
    "keras": [_keras], "sklearn": [_sklearn], "scipy": [_scipy],
}  # fmt: skip
