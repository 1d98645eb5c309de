"""Stands in for setuptools while tools/fetch.py downloads an sdist; see build_meta.py."""
