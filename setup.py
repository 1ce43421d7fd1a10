"""What pyproject.toml cannot say: pages and browser client stand beside the package in the project (``static/``,
``templates/``) and inside it when it is installed. ``realtime/web/assets.py`` finds them in both places.
"""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["realtime", "realtime.*"]), "realtime._static", "realtime._templates"],
    package_dir={"realtime._static": "static", "realtime._templates": "templates"},
)
