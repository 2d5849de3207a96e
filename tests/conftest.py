"""Fixtures shared by all suites."""

pytest_plugins = ["testkit.apiserver", "testkit.gcs_server", "testkit.postgres", "testkit.commands"]
