"""A session as a file that others can run or read: a scenario, a pytest, an HTML report.

Every room takes a world and the file to write, runs what it made before the file is there, and
returns what a person should know (docs/export.md).
"""

from aos_core.export.html import export_html
from aos_core.export.places import proposed_file
from aos_core.export.pytest import export_pytest
from aos_core.export.scenario import export_scenario
from aos_core.export.session import Exported, Form, export

__all__ = [
    "Exported",
    "Form",
    "export",
    "export_html",
    "export_pytest",
    "export_scenario",
    "proposed_file",
]
