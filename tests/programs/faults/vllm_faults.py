"""A plugin of a real vLLM server that lets one rank fail while it loads the model.

vLLM calls `register` in every process (entry point `vllm.general_plugins`). Without FAULT in the environment
nothing is changed.

FAULT=sleep       rank 1 sleeps for ever inside `load_weights`
FAULT=extension   every rank builds or loads the torch extension `slow_kernel` of FAULT_SOURCE there
"""

import os
import time


def sleep(rank):
    while rank == 1:
        time.sleep(1)


def extension(rank):
    from torch.utils.cpp_extension import load

    load(name="slow_kernel", sources=[os.environ["FAULT_SOURCE"]], verbose=False)


def register():
    fault = {"sleep": sleep, "extension": extension}.get(os.environ.get("FAULT", ""))
    if fault is None:
        return
    from vllm.model_executor.model_loader.default_loader import DefaultModelLoader

    loads = DefaultModelLoader.load_weights

    def load_weights(self, *arguments, **options):
        from vllm.distributed import get_tensor_model_parallel_rank

        fault(get_tensor_model_parallel_rank())
        return loads(self, *arguments, **options)

    DefaultModelLoader.load_weights = load_weights
