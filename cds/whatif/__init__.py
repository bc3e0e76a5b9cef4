"""What if: move a fact of a patient and see which rules change, and why.

A patient is a start (nobody recorded, a synthetic patient, a case) and what a reader states of it.
It is judged by the engine that answers hook calls; there is no second one.
"""
