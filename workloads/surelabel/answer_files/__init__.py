"""People's answers in files, read as typed values: for the command line and for research."""

from __future__ import annotations

from surelabel.answer_files.given import (
    AnswerFilesError,
    GivenAnswer,
    GivenAnswers,
    SetAside,
)
from surelabel.answer_files.read import read_given_answers

__all__ = ["AnswerFilesError", "GivenAnswer", "GivenAnswers", "SetAside", "read_given_answers"]
