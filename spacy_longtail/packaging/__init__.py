"""A pipeline as wheels that pip installs without an index, this package included."""

from .package import Packaged, package_pipeline

__all__ = ["Packaged", "package_pipeline"]
