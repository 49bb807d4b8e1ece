"""Trains in many ways, each from its own seed, and prints a digest of each way's final state.

With PLANT=1 one weight of each way moves a little after the first update: every digest must then
differ, or it would not show an interference either.
"""

import copy
import hashlib
import json
import os
import threading

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

PLANT = os.environ.get("PLANT") == "1"
CASES = {}
UPDATES = 0


def case(function):
    CASES[function.__name__] = function
    return function


def bits(*states):
    digest = hashlib.sha256()
    for state in states:
        tensors = state.state_dict() if hasattr(state, "state_dict") else {"": state}
        for name, value in tensors.items():
            if isinstance(value, torch.Tensor):
                flat = value.detach().resolve_conj().contiguous().reshape(-1)
                digest.update(f"{name}{value.dtype}{tuple(value.shape)}".encode())
                digest.update(bytes(flat.view(torch.uint8).tolist()))
    return digest.hexdigest()


def nudge(parameter):
    if PLANT:
        with torch.no_grad():
            flat = parameter.data.reshape(-1)
            flat[0] = flat[0] + flat[0] / 16384 + 1e-4
            parameter.data.copy_(flat.reshape(parameter.shape))


def net(width=8, **extra):
    return nn.Sequential(nn.Linear(4, width), nn.Dropout(0.3), nn.BatchNorm1d(width), nn.Linear(width, 3), **extra)


def train(model, optimizer, steps=4, forward=None, nudged=None):
    global UPDATES
    for step in range(steps):
        x, y = torch.randn(6, 4), torch.randint(3, (6,))
        optimizer.zero_grad()
        out = forward(x) if forward else model(x)
        loss = nn.functional.cross_entropy(out.float(), y)
        loss.backward()
        optimizer.step()
        UPDATES += 1
        if step == 0:
            nudge(next(model.parameters()) if nudged is None else nudged)


@case
def dropout_adam():
    model = net()
    optimizer = torch.optim.Adam(model.parameters())
    train(model, optimizer)
    return bits(model)


@case
def autocast_bf16():
    model = net()

    def forward(x):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return model(x)

    train(model, torch.optim.AdamW(model.parameters()), forward=forward)
    return bits(model)


@case
def accumulation():
    global UPDATES
    model, criterion = net(), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for step in range(2):
        for _ in range(20):
            criterion(model(torch.randn(6, 4)), torch.randint(3, (6,))).backward()
        optimizer.step()
        UPDATES += 1
        optimizer.zero_grad(set_to_none=False)
        if step == 0:
            nudge(model[0].weight)
    return bits(model)


def _checkpointed(reentrant):
    body, head = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 8)), nn.Linear(8, 3)
    model = nn.ModuleList([body, head])

    def forward(x):
        x.requires_grad_()
        return head(checkpoint(body, x, use_reentrant=reentrant))

    train(model, torch.optim.Adam(model.parameters()), forward=forward)
    return bits(model)


@case
def checkpoint_reentrant():
    return _checkpointed(True)


@case
def checkpoint_not_reentrant():
    return _checkpointed(False)


@case
def lbfgs():
    global UPDATES
    model = nn.Linear(4, 3)
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=4)
    x, y = torch.randn(6, 4), torch.randint(3, (6,))

    def closure():
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        return loss

    for step in range(3):
        optimizer.step(closure)
        UPDATES += 1
        if step == 0:
            nudge(model.weight)
    return bits(model)


@case
def grad_scaler_skips():
    global UPDATES
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    for step in range(4):
        optimizer.zero_grad()
        loss = model(torch.randn(6, 4)).sum()
        if step == 1:
            loss = loss * float("inf")
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        UPDATES += step != 1
        if step == 0:
            nudge(model[0].weight)
    return bits(model)


@case
def sparse_embedding():
    global UPDATES
    model = nn.Embedding(10, 4, sparse=True)
    optimizer = torch.optim.SparseAdam(list(model.parameters()))
    for step in range(3):
        optimizer.zero_grad()
        model(torch.randint(10, (5,))).pow(2).sum().backward()
        optimizer.step()
        UPDATES += 1
        if step == 0:
            nudge(model.weight)
    return bits(model)


@case
def resize_afterwards():
    model = net()
    train(model, torch.optim.SGD(model.parameters(), lr=0.1))
    for parameter in model.parameters():
        parameter.grad.resize_(1000).fill_(1.0)
        parameter.data.resize_(1000)[:3].add_(0)
    return bits(model[0].weight[:3], model[3].bias[:2])


@case
def storage_released():
    global UPDATES
    weight, other = nn.Parameter(torch.randn(4)), nn.Parameter(torch.randn(4))
    optimizer = torch.optim.SGD([weight, other], lr=0.1)
    for step in range(3):
        optimizer.zero_grad()
        weight.pow(2).sum().backward()
        optimizer.step()
        UPDATES += 1
        if step == 0:
            nudge(weight)
            other.untyped_storage().resize_(0)
    return bits(weight.detach())


@case
def optimizers_come_and_go():
    model = net()
    for _ in range(3):
        optimizer = torch.optim.Adam(model.parameters())
        train(model, optimizer, steps=2)
        del optimizer
    return bits(model)


@case
def two_optimizers():
    global UPDATES
    first, second = net(), net()
    a, b = torch.optim.Adam(first.parameters()), torch.optim.RMSprop(second.parameters())
    for step in range(3):
        x = torch.randn(6, 4)
        a.zero_grad()
        (first(x) - second(x).detach()).pow(2).mean().backward()
        a.step()
        b.zero_grad()
        (second(x) - first(x).detach()).pow(2).mean().backward()
        b.step()
        UPDATES += 2
        if step == 0:
            nudge(first[0].weight)
    return bits(first, second)


@case
def double_backward():
    global UPDATES
    model = nn.Linear(4, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for step in range(3):
        optimizer.zero_grad()
        loss = model(torch.randn(6, 4)).pow(3).mean()
        gradients = torch.autograd.grad(loss, list(model.parameters()), create_graph=True)
        (loss + sum(g.pow(2).sum() for g in gradients)).backward()
        optimizer.step()
        UPDATES += 1
        if step == 0:
            nudge(model.weight)
    return bits(model)


@case
def raising_hooks():
    model = net()
    optimizer = torch.optim.Adam(model.parameters())
    handle = model[3].register_forward_hook(lambda *_: 1 / 0)
    for _ in range(2):
        try:
            model(torch.randn(6, 4))
        except ZeroDivisionError:
            pass
    handle.remove()
    step_handle = optimizer.register_step_pre_hook(lambda *_: 1 / 0)
    try:
        optimizer.step()
    except ZeroDivisionError:
        pass
    step_handle.remove()
    train(model, optimizer)
    return bits(model)


@case
def nested_optimizer():
    class Sharded(torch.optim.Optimizer):
        def __init__(self, parameters):
            super().__init__(parameters, {})
            self.inner = torch.optim.Adam(self.param_groups[0]["params"])

        def step(self, closure=None):
            self.inner.step(closure)

    model = net()
    train(model, Sharded(list(model.parameters())))
    return bits(model)


@case
def closure_raises_then_another_steps():
    model = net()

    def broken():
        raise KeyError("closure")

    try:
        torch.optim.SGD(model.parameters(), lr=0.1).step(broken)
    except KeyError:
        pass
    train(model, torch.optim.Adam(model.parameters()))
    return bits(model)


@case
def data_swapped():
    model = net()
    optimizer = torch.optim.Adam(model.parameters())
    train(model, optimizer, 2)
    for parameter in model.parameters():
        parameter.data = parameter.data.clone() * 1.5
    train(model, optimizer, 2)
    return bits(model)


@case
def deepcopied_tied_frozen():
    model = net()
    model[0].weight.requires_grad_(False)
    twin = copy.deepcopy(model)
    twin.register_parameter("tied", twin[3].weight)
    train(twin, torch.optim.Adam(list(twin.named_parameters())), nudged=twin[3].weight)
    return bits(twin)


@case
def strange_layouts():
    global UPDATES
    weight = nn.Parameter(torch.randn(6, 5).t())
    offset = nn.Parameter(torch.randn(20)[3:9])
    scalar, empty = nn.Parameter(torch.tensor(0.5)), nn.Parameter(torch.zeros(0, 3))
    tensors = [weight, offset, scalar, empty]
    optimizer = torch.optim.SGD(tensors, lr=0.1, momentum=0.9)
    for step in range(3):
        optimizer.zero_grad()
        loss = (weight * scalar).t().pow(2).sum() + offset.expand(2, 6).sum() + empty.sum()
        loss.backward()
        optimizer.step()
        UPDATES += 1
        if step == 0:
            nudge(weight)
    return bits(*[t.detach() for t in tensors])


@case
def complex_and_conjugate():
    global UPDATES
    weight = nn.Parameter(torch.randn(4, dtype=torch.complex64))
    optimizer = torch.optim.SGD([weight], lr=0.1)
    for step in range(3):
        optimizer.zero_grad()
        (weight * weight.conj()).real.sum().backward()
        weight.grad = weight.grad.conj()
        optimizer.step()
        UPDATES += 1
        if step == 0:
            nudge(weight)
    return bits(weight.detach())


@case
def float8_buffer():
    model = net()
    model.register_buffer("scale", torch.randn(5).to(torch.float8_e4m3fn))
    train(model, torch.optim.Adam(model.parameters()))
    return bits(model)


@case
def meta_to_empty():
    with torch.device("meta"):
        model = nn.Linear(4, 3)
    model = model.to_empty(device="cpu")
    nn.init.normal_(model.weight)
    nn.init.zeros_(model.bias)
    train(model, torch.optim.Adam(model.parameters()))
    return bits(model)


@case
def keywords_of_any_name():
    class Given(nn.Module):
        def __init__(self, module):
            super().__init__()
            self.inner = module

        def forward(self, module, observer=None, args=(), optimizer=None):
            return self.inner(module)

    class Named(torch.optim.SGD):
        def __init__(self, optimizer):
            super().__init__(params=optimizer, lr=0.1)

    model = Given(module=net())
    train(model, Named(optimizer=model.parameters()), forward=lambda x: model(module=x, observer=x, optimizer=x))
    return bits(model)


@case
def lazy_modules():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.norm, self.last = nn.LazyLinear(8), nn.LazyBatchNorm1d(), nn.Linear(8, 3)
            self.unused, self.unused_norm = nn.LazyLinear(5), nn.LazyBatchNorm1d()

        def forward(self, x):
            return self.last(self.norm(self.first(x)))

    model = Net()
    train(model, torch.optim.Adam(model.parameters()), nudged=model.last.weight)
    return bits(model.first, model.norm, model.last)


@case
def iterator_of_losses():
    global UPDATES
    model = nn.Linear(4, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for step in range(3):
        optimizer.zero_grad()
        x = torch.randn(6, 4)
        torch.autograd.backward(loss for loss in [model(x).sum(), model(x).pow(2).sum()])
        optimizer.step()
        UPDATES += 1
        if step == 0:
            nudge(model.weight)
    return bits(model)


@case
def gradient_edge():
    global UPDATES
    model = nn.Linear(4, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for step in range(2):
        optimizer.zero_grad()
        loss = model(torch.randn(6, 4)).sum()
        torch.autograd.backward([torch.autograd.graph.get_gradient_edge(loss)], [torch.ones(())])
        optimizer.step()
        UPDATES += 1
        if step == 0:
            nudge(model.weight)
    return bits(model)


@case
def vmapped_and_functional():
    model = net().eval()
    model(torch.randn(2, 4))
    per_sample = torch.func.vmap(torch.func.grad(lambda p, x: torch.func.functional_call(model, p, (x,)).sum()),
                                 in_dims=(None, 0))  # fmt: skip
    gradients = per_sample(dict(model.named_parameters()), torch.randn(5, 1, 4))
    train(model, torch.optim.Adam(model.parameters()))
    return bits(model, *gradients.values())


@case
def traced_and_scripted():
    model = net().eval()
    traced = torch.jit.trace(model, torch.randn(2, 4))
    scripted = torch.jit.script(net())
    symbolic = torch.fx.symbolic_trace(net())
    digest = hashlib.sha256((str(traced.inlined_graph) + str(scripted.graph) + symbolic.code).encode()).hexdigest()
    train(scripted, torch.optim.Adam(scripted.parameters()))
    train(symbolic, torch.optim.Adam(symbolic.parameters()))
    return bits(scripted, symbolic) + digest


@case
def user_modes():
    from torch.overrides import TorchFunctionMode
    from torch.utils._python_dispatch import TorchDispatchMode

    class Count(TorchDispatchMode):
        seen = 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            Count.seen += 1
            return func(*args, **(kwargs or {}))

    class CountFunctions(TorchFunctionMode):
        seen = 0

        def __torch_function__(self, func, types, args=(), kwargs=None):
            CountFunctions.seen += 1
            return func(*args, **(kwargs or {}))

    model = net()
    optimizer = torch.optim.Adam(model.parameters())
    with Count(), CountFunctions():
        train(model, optimizer)
    return f"{bits(model)} {Count.seen} {CountFunctions.seen}"


@case
def threads():
    model = net()
    result = []

    def other():
        result.append(model(torch.ones(2, 4)).shape)

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    train(model, torch.optim.Adam(model.parameters()))
    return bits(model) + str(result)


@case
def subclassed_parameter():
    class Noted(torch.Tensor):
        calls = 0

        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            Noted.calls += 1
            return super().__torch_function__(func, types, args, kwargs or {})

    model = nn.Linear(4, 3)
    model.weight = nn.Parameter(model.weight.detach().as_subclass(Noted))
    train(model, torch.optim.SGD(model.parameters(), lr=0.1))
    with torch._C.DisableTorchFunctionSubclass():
        return f"{bits(model)} {Noted.calls}"


@case
def fused_and_foreach():
    first, second = net(), net()
    train(first, torch.optim.AdamW(first.parameters(), fused=True))
    train(second, torch.optim.Adam(second.parameters(), foreach=True, amsgrad=True), nudged=second[0].weight)
    return bits(first, second)


@case
def averaged_and_scheduled():
    model = net()
    mean = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.9))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.2, total_steps=8)
    for _ in range(4):
        train(model, optimizer, 1)
        schedule.step()
        mean.update_parameters(model)
    torch.optim.swa_utils.update_bn([torch.randn(6, 4) for _ in range(2)], mean)
    return bits(model, mean, optimizer.state_dict()["state"][0]["momentum_buffer"])


@case
def scaled_bf16_unscaled_and_clipped():
    global UPDATES
    model = net()
    optimizer = torch.optim.AdamW(model.parameters())
    scaler = torch.amp.GradScaler("cpu", init_scale=16.0, growth_interval=1)
    for step in range(4):
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = nn.functional.cross_entropy(model(torch.randn(6, 4)).float(), torch.randint(3, (6,)))
        scaler.scale(loss * (float("nan") if step == 2 else 1)).backward()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
        UPDATES += step != 2
        if step == 0:
            nudge(model[0].weight)
    return bits(model)


@case
def distributed_alone():
    import tempfile

    import torch.distributed as dist

    with tempfile.TemporaryDirectory() as place:
        dist.init_process_group("gloo", init_method=f"file://{place}/store", rank=0, world_size=1)
        model = nn.parallel.DistributedDataParallel(module=net())
        optimizer = torch.optim.Adam(model.parameters())
        with model.no_sync():
            nn.functional.cross_entropy(model(torch.randn(6, 4)), torch.randint(3, (6,))).backward()
        train(model, optimizer)
        found = bits(model)
        # A model that is the last to hold the group ends it, which waits for gloo's thread with the interpreter's lock
        # held; where that thread still drops the last reduction, it waits for the lock: PyTorch 2.13 then hangs.
        del model, optimizer
        dist.destroy_process_group()
    return found


results = {}
for name, function in CASES.items():
    torch.manual_seed(len(name))
    before = UPDATES
    results[name] = [function(), UPDATES - before]
results["generator"] = [hashlib.sha256(bytes(torch.get_rng_state().tolist())).hexdigest(), 0]
print(json.dumps(results))
