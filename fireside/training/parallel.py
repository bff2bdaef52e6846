"""Many processes, one model: torchrun starts them, FSDP2 splits the model, NCCL or gloo adds up.

    torchrun --nproc-per-node 8 -m fireside pretrain ...

Every rank runs the same program.  Each keeps its part of every parameter, gradient and moment
(`fully_shard`, Zhao et al. 2023, arXiv:2304.11277), reads its share of every step's rows, and
comes to the same step, so that together they are one process (`World`).  The first rank alone holds
the run's folder, writes and prints.

When one rank fails, all end, and one line says why: whoever comes first says it, and leaves it in
torchrun's store, where the others find it when the missing rank breaks their work.  Torchrun
starts them again (`--max-restarts`) and they go on from the last checkpoint.  This file refuses to
start processes, and to train: the loop does.
"""

from __future__ import annotations

import copy
import itertools
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, NoReturn
from uuid import uuid4
from weakref import WeakKeyDictionary

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.fsdp import FSDPModule, fully_shard, register_fsdp_forward_method
from torch.distributed.rendezvous import rendezvous

from fireside.errors import FiresideError, Interrupted, Unavailable
from fireside.model.transformer import Transformer
from fireside.training import launch
from fireside.training.shards import split_like, whole
from fireside.training.world import World

# A rank that does not come to a collective for so long is taken for dead; preparing data and
# writing files wait in `once`, which has no limit.
PATIENCE: Final = timedelta(minutes=30)
ERROR, ENDING = "error", "ending"  # in the store: why all end, and with which exit code
_LOOK: Final = 0.05  # seconds between two looks at the store
_GRACE: Final = 5.0  # seconds for the rank that failed to say why


@dataclass(frozen=True, kw_only=True)
class Ranks(World):
    """One of several.  store: torchrun's, for words; numbers go over the process group."""

    store: Store
    _asked: Iterator[int] = field(default_factory=itertools.count, repr=False)
    _blanks: WeakKeyDictionary[Transformer, Transformer] = field(
        default_factory=WeakKeyDictionary, repr=False
    )

    def all_reduce(self, x: Tensor) -> Tensor:
        total = x.clone()
        dist.all_reduce(total)
        return total

    def gradient_norm(self, parameters: Iterable[Tensor]) -> Tensor:
        return whole(super().gradient_norm(parameters))

    def once(self, work: Callable[[], str]) -> str:
        # Through the store, not the group: a collective's patience is not for hours of preparing.
        key = f"told/{next(self._asked)}"
        if self.first:
            done = work()
            self.store.set(key, done)
            return done
        while (said := self.heard(key)) is None:
            if (code := self.heard(ENDING)) is not None:
                raise SystemExit(int(code))
            time.sleep(_LOOK)
        return said

    def spread(self, model: Transformer) -> None:
        """A layer is gathered when it is its turn, and let go; embedding and head stay for the
        whole step, because the loss reads the head outside of any forward pass."""
        self._blanks[model] = _blank(model)
        mesh = dist.device_mesh.init_device_mesh(self.device.type, (self.size,))
        for layer in model.model.layers:
            fully_shard(layer, mesh=mesh)
        fully_shard(model, mesh=mesh)
        register_fsdp_forward_method(model, "hidden")
        for part in _split(model):
            # Sums, as the loop divides by the weight of all ranks; gloo knows nothing else.
            part.set_gradient_divide_factor(1.0)
            part.set_force_sum_reduction_for_comms(True)

    def settle(self, model: Transformer) -> None:
        for part in _split(model):
            part.reshard()

    def whole(self, model: Transformer) -> Transformer:
        self.settle(model)
        found = copy.deepcopy(self._blanks[model])
        values = {}
        for name, parameter in model.named_parameters():
            value = whole(parameter.detach())  # one after the other: a rank holds one at a time
            if self.first:
                values[name] = value.cpu()
        if self.first:
            found.load_state_dict(values, assign=True)
        return found

    def cause(self, error: BaseException) -> BaseException:
        if not _broken(error):
            return error
        return Unavailable(
            self.heard(ERROR, _GRACE)
            or "another process of this run has ended. The same command goes on from the last "
            "checkpoint; `torchrun --max-restarts 3` does so by itself."
        )

    def speaks(self, line: str, code: int) -> bool:
        """Whether this rank is the one to say how all end."""
        try:
            if self.store.add("speakers", 1) > 1:
                return False
            self.store.set(ERROR, line)
            self.store.set(ENDING, str(code))
        except dist.DistError:  # the store is gone with who kept it
            pass
        return True

    def heard(self, key: str, seconds: float = 0.0) -> str | None:
        """What a rank said, if it says it within so many seconds."""
        until = time.monotonic() + seconds
        try:
            while not self.store.check([key]):
                if time.monotonic() > until:
                    return None
                time.sleep(_LOOK)
            return _text(self.store, key)
        except dist.DistError:
            return None

    @contextmanager
    def loading(self, model: Transformer) -> Iterator[Transformer]:
        self.settle(model)
        learning = {n: p for n, p in model.named_parameters() if p.requires_grad}
        blank = copy.deepcopy(self._blanks[model])
        for part in blank.modules():
            for name, parameter in list(part.named_parameters(recurse=False)):
                if parameter.requires_grad:
                    empty = torch.empty_like(parameter, device="cpu")
                    part.register_parameter(name, nn.Parameter(empty))
        yield blank
        read = dict(blank.named_parameters())
        with torch.no_grad():
            for name, parameter in learning.items():
                value = read[name].detach().to(parameter.device, parameter.dtype)
                parameter.copy_(split_like(value, parameter))


@contextmanager
def entered(device: torch.device) -> Iterator[World]:
    """The world that torchrun has put this process into.

    One rank says how the body ended: the first raises its error, so that the command
    can say it; otherwise it stands on stderr and SystemExit leaves.
    """
    world = _enter(device)
    try:
        yield world
        world.once(lambda: "")  # torchrun ends all when one has ended too soon
    except Exception as error:
        _end(world, error)
    dist.destroy_process_group()


def _enter(device: torch.device) -> Ranks:
    if device.type == "cuda":
        device = torch.device("cuda", launch.local_rank())
        torch.cuda.set_device(device)
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    try:
        store, rank, size = next(rendezvous("env://", timeout=PATIENCE))
        store = PrefixStore(_session(store, rank, size), store)
        dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=PATIENCE)
    except (dist.DistError, ValueError) as error:
        why = str(error).strip().partition("\n")[0]
        raise Unavailable(
            f"The processes do not find each other ({why}): see how they were started."
        ) from None
    return Ranks(rank=rank, size=size, device=device, store=store)


def _session(store: Store, rank: int, size: int) -> str:
    """A name in the store that these processes have for themselves.

    Torchrun 2.13 keeps its store when it starts ranks again, with the addresses of those that are
    gone: who finds one of them there calls nobody until the run is given up.  So the first rank
    draws a name, and goes on when every other has answered to it by one of its own.
    """
    own = uuid4().hex
    if rank == 0:
        store.set("session", own)
        answers = [f"{own}/{other}" for other in range(1, size)]
        store.wait(answers, PATIENCE)
        store.set(f"{own}/go", " ".join(_text(store, answer) for answer in answers))
        return own
    until = time.monotonic() + PATIENCE.total_seconds()
    while time.monotonic() < until:
        if store.check(["session"]):
            session = _text(store, "session")
            store.set(f"{session}/{rank}", own)
            if store.check([f"{session}/go"]) and own in _text(store, f"{session}/go").split():
                return session
        time.sleep(_LOOK)
    raise Unavailable(f"process 1 of {size} does not answer: see why it did not start.")


def _text(store: Store, key: str) -> str:
    return str(store.get(key), "utf-8")


def _end(world: Ranks, error: Exception) -> NoReturn:
    """One rank says it, the first if it can."""
    # Who was asked to stop has not failed, and torchrun shall not start it again.
    code = 0 if isinstance(error, Interrupted) else 1
    found = world.cause(error)
    line = found.message if isinstance(found, FiresideError) else f"{type(found).__name__}: {found}"
    if not world.first:
        line = f"process {world.rank + 1} of {world.size}: {line}"
    if not world.first and (said := world.heard(ENDING, _GRACE)) is not None:
        raise SystemExit(int(said)) from error
    if not world.speaks(line, code):
        raise SystemExit(code) from error
    if world.first and code:
        raise found
    print("fireside:", line, file=sys.stderr, flush=True)
    raise SystemExit(code) from error


def _broken(error: BaseException) -> bool:
    """Whether it says no more than that another rank does not answer."""
    words = ("gloo", "NCCL", "peer", "TCPStore")
    return isinstance(error, dist.DistError) or (
        isinstance(error, RuntimeError) and any(word in str(error) for word in words)
    )


def _blank(model: Transformer) -> Transformer:
    """The model's structure, its parameters without memory."""
    memo: dict[int, object] = {
        id(p): nn.Parameter(torch.empty_like(p, device="meta"), requires_grad=p.requires_grad)
        for p in model.parameters()
    }
    return copy.deepcopy(model, memo)


def _split(model: nn.Module) -> list[FSDPModule]:
    return [part for part in model.modules() if isinstance(part, FSDPModule)]
