"""One HTML page about a job: its course, its promise and some of its items, for people to look at.

Everything stands in the one file, pictures included. It runs no script and asks nobody for
anything, whatever a label or a text may hold. It knows neither the store nor Ray: ``facts`` says
what it is told.
"""

from surelabel.report_page.facts import JobFacts
from surelabel.report_page.page import MAX_BYTES, build_page

__all__ = ["MAX_BYTES", "JobFacts", "build_page"]
