"""A build backend that runs nothing.

`pip download` of an sdist asks a build backend for the package's metadata, which usually runs its setup.py. Only
the files inside are wanted here, so tools/fetch.py puts this backend in front: it answers with the name and the
version that were asked for, and no line of the package is executed.
"""
import os


class _Inert:
    def get_requires_for_build_wheel(self, config_settings=None):
        return []

    def prepare_metadata_for_build_wheel(self, metadata_directory, config_settings=None):
        name, version = os.environ["ROLLCALL_SDIST"].split("==")
        folder = f"{name.replace('-', '_')}-{version}.dist-info"
        os.makedirs(os.path.join(metadata_directory, folder))
        with open(os.path.join(metadata_directory, folder, "METADATA"), "w", encoding="utf-8") as file:
            file.write(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        return folder


__legacy__ = _Inert()
