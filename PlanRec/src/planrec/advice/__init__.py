"""Which plan has the lowest risk-adjusted bill and why: ranking, reasons, what-if."""

from __future__ import annotations

from planrec.advice.engine import Engine, EngineAnswer, Subscribers
from planrec.advice.policy import AnswerPolicy, Overrides, RatedBasis
from planrec.advice.ranking import Advice, advise
from planrec.advice.subscriber import Request, recommend_subscriber
from planrec.advice.what_if import Question, what_if

__all__ = [
    "Advice",
    "AnswerPolicy",
    "Engine",
    "EngineAnswer",
    "Overrides",
    "Question",
    "RatedBasis",
    "Request",
    "Subscribers",
    "advise",
    "recommend_subscriber",
    "what_if",
]
