"""A plugin of pytest's for ci/test: writes down which tests failed, so that they are run once more by themselves.

TERSE_FAILED names the file.
"""

import os

FAILED = {}


def pytest_runtest_logreport(report):
    if report.failed:
        FAILED[report.nodeid] = True


def pytest_sessionfinish():
    with open(os.environ["TERSE_FAILED"], "w", encoding="utf-8") as file:
        file.writelines(f"{name}\n" for name in FAILED)
