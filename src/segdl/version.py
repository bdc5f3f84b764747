"""The version, for everything that names itself."""

__version__ = "0.1.0"
