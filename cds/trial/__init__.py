"""Trying a rulebook on stated patients: its own cases, its limits and its doses."""

from cds.given import GIVEN_NOW as CASE_NOW
from cds.given import given_facts as case_facts
from cds.given import stated
from cds.trial.cases import CaseResult, run_case, run_cases, try_cases

__all__ = ["CASE_NOW", "CaseResult", "case_facts", "run_case", "run_cases", "stated", "try_cases"]
