from typing import Any, Optional


def set_trainable(transformer: Any, n_layers: Optional[int]) -> None:
    """Let only the last layers of a transformer learn, and what stands after them.

    transformer (Any): A PyTorch model.
    n_layers (Optional[int]): How many layers learn. None for everything, the
        embeddings included.
    """
    from torch.nn import ModuleList

    stacks = [m for m in transformer.modules() if isinstance(m, ModuleList)]
    # The layers are what a transformer has the most parameters in.
    layers = max(stacks, key=_count_parameters, default=ModuleList())
    first = 0 if n_layers is None else max(len(layers) - n_layers, 0)
    held = {id(p) for layer in layers[:first] for p in layer.parameters()}
    inside = {id(p) for p in layers.parameters()}
    is_before = n_layers is not None
    for parameter in transformer.parameters():
        # Parameters come in the order of the modules, so embeddings come first.
        is_before = is_before and id(parameter) not in inside
        parameter.requires_grad_(not is_before and id(parameter) not in held)


def _count_parameters(module: Any) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
