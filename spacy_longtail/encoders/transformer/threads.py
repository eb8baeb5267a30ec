import os

# The process that imported this, which forked ones have copied.
_HOME = os.getpid()


def survive_fork() -> None:
    """Let torch use one thread in a forked process, such as those of 'n_process'.

    The threads of OpenMP don't survive a fork, and waiting for them never ends.
    """
    if os.getpid() != _HOME:
        import torch

        torch.set_num_threads(1)
