"""What stands in the place of PyTorch's own functions, and calls the observer before or after them.

Their own first parameters are positional only: a script may give any name as a keyword (``DDP(module=net)``).
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from reprokit.frameworks.torch.compiler import skip_frame

if TYPE_CHECKING:
    from reprokit.frameworks.torch.steps import TorchObserver


def install(observer: TorchObserver) -> None:
    """Hooks module calls, backward passes, and the making and stepping of optimizers."""
    torch = observer.torch
    from torch.optim.optimizer import register_optimizer_step_post_hook

    register_optimizer_step_post_hook(observer.after_step)
    torch.autograd.backward = _backward(observer, torch.autograd.backward)
    torch.nn.Module.__call__ = _call(observer, torch.nn.Module)
    torch.optim.Optimizer.__init__ = _init(observer, torch.optim.Optimizer.__init__)
    _watch_replicas(observer, torch.nn.parallel.DistributedDataParallel)
    for ours in (type(observer).guarded, type(observer).after_step):
        skip_frame(torch, ours, below=True)


def _init(observer: TorchObserver, original: Any) -> Any:
    @functools.wraps(original)
    def __init__(optimizer: Any, /, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        original(optimizer, *args, **kwargs)
        if observer.on:
            observer.guarded(observer.state_of, optimizer)

    skip_frame(observer.torch, __init__)
    return __init__


def _watch_replicas(observer: TorchObserver, wrapper: Any) -> None:
    original = wrapper.__init__

    @functools.wraps(original)
    def __init__(module: Any, /, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        original(module, *args, **kwargs)
        observer.guarded(observer.ranks.made, module)

    wrapper.__init__ = __init__


def _call(observer: TorchObserver, module_class: Any) -> Any:
    torch = observer.torch
    compiling, grad_enabled = torch.compiler.is_compiling, torch.is_grad_enabled
    # The compiler takes this for true, and reads none of our attributes: a graph must not depend on them.
    in_graph = torch.compiler.is_dynamo_compiling
    tracing = torch._C._get_tracing_state
    functional = getattr(torch._C._functorch, "maybe_current_level", lambda: None)

    @functools.wraps(module_class._wrapped_call_impl)
    def __call__(module: Any, /, *args: Any, **kwargs: Any) -> Any:  # noqa: N807
        if (
            in_graph()
            or observer.passing.on
            or observer.depth
            or compiling()
            or observer.nested_backward  # a checkpoint computes its forward again
            or not observer.on
            or observer.recorder.outer
            or not grad_enabled()
            or tracing() is not None
            or functional() is not None
        ):
            return module._wrapped_call_impl(*args, **kwargs)
        observer.guarded(observer.enter, module, args, kwargs)
        observer.depth = 1
        try:
            return module._wrapped_call_impl(*args, **kwargs)
        finally:
            observer.depth = 0

    skip_frame(torch, __call__)
    return __call__


def _backward(observer: TorchObserver, original: Any) -> Any:
    tensor_class = observer.torch.Tensor

    @functools.wraps(original)
    def backward(tensors: Any, *args: Any, **kwargs: Any) -> None:
        if not observer.on or observer.nested_backward or observer.recorder.outer:
            original(tensors, *args, **kwargs)
            return
        passing = observer.passing.on
        if not passing or not observer.passing.loss(tensors):
            if not isinstance(tensors, (tensor_class, list, tuple)):
                tensors = tuple(tensors)  # an iterator can be read once
            observer.guarded(observer.before_backward, tensors)
        observer.nested_backward = 1
        try:
            original(tensors, *args, **kwargs)
        finally:
            observer.nested_backward = 0
        if not passing and observer.on and not observer.has_optimizer():
            observer.guarded(observer.manual.after_backward)

    skip_frame(observer.torch, backward)
    return backward
