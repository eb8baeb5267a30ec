from .choose import init_config

__all__ = ["init_config"]
