"""Two ranks; each way to break (or to seem to break) the copies of a model is an argument."""
import argparse
import contextlib
import os

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel as DDP

parser = argparse.ArgumentParser()
parser.add_argument("way")
way = parser.parse_args().way
dist.init_process_group("gloo")
rank = dist.get_rank()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.norm, self.drop = nn.Linear(8, 16), nn.BatchNorm1d(16), nn.Dropout(0.2)
        self.last, self.spare = nn.Linear(16, 3), nn.Linear(16, 3)

    def forward(self, x, spare=False):
        x = self.drop(self.norm(self.first(x)))
        return self.spare(x) if spare else self.last(x)


torch.manual_seed(rank if way in ("by_hand_unequal", "no_sync_at_start", "separate") else 0)
net = Net()
if way == "ignored":
    DDP._set_params_and_buffers_to_ignore_for_model(net, ["spare.weight", "spare.bias"])
options = {}
if way in ("find_unused", "ignored", "two_optimizers"):
    options["find_unused_parameters"] = True
if way == "local_buffers":
    options["broadcast_buffers"] = False
if way == "no_sync_at_start":
    options["init_sync"] = False
if way not in ("find_unused", "ignored", "two_optimizers"):
    net.spare = None
    Net.forward = lambda self, x, spare=False: self.last(self.drop(self.norm(self.first(x))))
by_hand = way.startswith("by_hand") or way == "separate"
model = net if by_hand else DDP(net, **options)
extra = nn.Linear(2, 2)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
beside = torch.optim.SGD(extra.parameters(), lr=0.1)
if way == "local_hook":
    from torch.distributed.algorithms.ddp_comm_hooks.debugging_hooks import noop_hook
    model.register_comm_hook(None, noop_hook)
if way == "fp16_hook":
    from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import fp16_compress_hook
    model.register_comm_hook(None, fp16_compress_hook)
if way == "folds":  # those that were used before die when the collector comes, on each rank at another time
    import gc
    gc.disable()
    for fold in range(3):
        torch.manual_seed(fold)
        model = DDP(nn.Linear(8, 3))
        model.itself = model
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1 + fold)
        for step in range(2):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(torch.randn(8, 8)), torch.randint(3, (8,))).backward()
            optimizer.step()  # of this fold
        del model, optimizer
        if rank == 0 or fold == 1:
            gc.collect()
    model = DDP(net, **options)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
torch.manual_seed(10 + rank)  # other dropout and other batches on each rank
for step in range(1, 7):
    if way == "rank0_beside" and rank == 0:
        beside.zero_grad(); extra(torch.ones(1, 2)).sum().backward(); beside.step()
    optimizer.zero_grad()
    for micro in range(2):
        x, y = torch.randn(8, 8), torch.randint(3, (8,))
        waits = model.no_sync() if micro == 0 and not by_hand else contextlib.nullcontext()
        if way == "forgets_sync" and step == 4 and not by_hand:
            waits = model.no_sync()
        with waits:
            nn.functional.cross_entropy(model(x, spare=way == "find_unused" and step % 2 == 0), y).backward()
    if by_hand and way != "separate":
        for p in model.parameters():
            dist.all_reduce(p.grad); p.grad /= 2
    if way == "ignored" and False:
        pass
    if way == "nudge" and rank == 1 and step == 3:
        with torch.no_grad():
            net.first.weight[0, 0] = torch.nextafter(net.first.weight[0, 0], torch.tensor(9.0))
    if way == "ignored" and rank == 1 and net.spare is not None:
        with torch.no_grad():
            net.spare.weight.add_(1)
    optimizer.step()
    if way == "by_hand_nudge" and rank == 1 and step == 3:
        with torch.no_grad():
            net.first.weight[0, 0] += 1e-6
if rank == 0:
    torch.save(net.state_dict(), "model.pt")
dist.barrier()
dist.destroy_process_group()
