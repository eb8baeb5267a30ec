from contextlib import contextmanager

import pytest


@pytest.fixture
def on_gpu():
    """Returns a context in which new models are made for the GPU."""
    pytest.importorskip("cupy", reason="there is no cupy")
    from thinc.api import require_cpu, require_gpu
    from thinc.compat import has_cupy_gpu

    if not has_cupy_gpu:
        pytest.skip("there is no GPU")

    @contextmanager
    def on_gpu():
        require_gpu()
        try:
            yield
        finally:
            require_cpu()

    return on_gpu
