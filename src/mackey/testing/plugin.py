"""The pytest plugin by name, `pytest_plugins = ["mackey.testing.plugin"]`, where its entry point is not
installed or pytest runs without entry points.

The plugin itself is the module pytest_mackey outside this package: pytest loads it in every run, and must not
load torch for that.
"""

pytest_plugins = ("pytest_mackey",)
