"""The first pages: what the book is, what its words mean, how to sign, which rules it shows."""

from __future__ import annotations

from collections.abc import Iterator

from cds.book.markdown import paragraph
from cds.book.pages import Pages
from cds.rulebook.model import Rulebook

PENDING = "pending"
SHOWN_DIGITS = 12  # of the digest, beside each signature; page 1 shows all of it
HOW = """\
This book is for pharmacists, physicians and committees who approve these rules. It is written
by a program from the rule files, so it says what the service does. By hand are only this
introduction, the explanations of chapter “What is worked out from the data”, and the sentences
that the rule files themselves contain. Whoever changes a rule makes the book anew.

**How a rule works.** Each rule asks questions about a patient. The answer to a question is
*yes*, *no* or *cannot tell*. A card comes only on a clear *yes*. Missing data are never taken
for a *no*: where something decides and cannot be told, no drug is offered, and the card says
what is missing. There are three exceptions: the weight of an adult that is not known, doses
given that were not sent, and dialysis procedures that were not sent. These three withhold
nothing; of the doses and the procedures the card says that they are not visible.

**What one answer holds.** At most four cards are shown at once; where there are more,
information is left out first, and a critical card never. At most one magnesium order is offered
in an answer, however many cards speak of magnesium. At discharge cards are shown, and no drug
is offered. An order that is drafted and not selected gives no card of its own, but it counts as
*on order*.

**How urgent a card is.** *Information* can wait, a *warning* wants a decision now, and
*critical* means that harm is near. Nothing is ordered, changed or removed without a person who
accepts it.

**Words used throughout.** A *card* is what the clinician sees. A *row* is one finding with its
own card; its short name, such as A1 or C4-iv, is a mark to refer to. An order is *active* when
it runs, *drafted* when it is being written, *selected* when the clinician has just chosen it or
is about to sign it, and *on order* when it is active or drafted. A result is *usable* when it
is final, in time, of the right specimen and in a unit that is understood; any other result can
withhold an offer, but never makes one. Words in square brackets, such as [magnesium value], are
filled with the patient's data, and “explained” means: with where the number comes from. A
number such as (term 7) leads to the list of terms near the end. What the card says stands in
quotation marks.

**Inpatient** is a patient who is admitted, in the emergency department, under observation or in
the delivery unit; everybody else is an outpatient. A stay whose record cannot be read has the
time limits of an inpatient, and no offer into a vein. **Intensive care** is an inpatient whose
present place is recorded as an intensive care unit. Time limits and every offer into a vein
depend on this.

**Of the last 24 h**, or of the last days, on the problem list means: with an onset in that
time, or, where no onset is stated, with a recording date in that time. An entry without either
date does not count, unless the sentence says “or without a date”. Only active entries count
that nobody has refuted. A seizure is a seizure that is recorded as such; epilepsy alone does
not count.

**Kidney function** is in mL/min (per 1.73 m² where the estimate is an estimated GFR). *The full
dose* means 60 or more; *half of the dose* 30 to below 60; *only the lowest dose* 15 to below
30, or a creatinine that is unstable; *no dose*, which is also called kidney failure, below 15,
dialysis, or end-stage kidney disease without a transplant.

**A push** is a dose that the order wants given at once, by its method or its words. **The
concentrate** is potassium chloride that must be diluted before it is given; its diluent is read
from the order or its words. **A potassium replacement** is a product that is meant to give
potassium, whatever the salt: chloride, phosphate, acetate, citrate, bicarbonate and others, and
a maintenance fluid with potassium. **Post-dose** is a level drawn during an infusion or soon
after. **A drip-arm sample** is blood drawn above a running infusion, and diluted by it.

**The clinical pack** is the collection of sources and decisions from which the rules were
written. It is not printed here; the owner of the rules shows it. Marks such as R14 or “safety
32” are its paragraphs.

**How to approve a rule.** Read its section “The rule, to be read aloud” aloud, in a group, with
its tables. Where a sentence needs an explanation, do not sign: ask for a better sentence. Then
read when the rule is wrong, and sign at the end of its chapter. The terms, limits and doses
that rules share are signed in a chapter of their own. A rule that nobody has signed says so on
every card."""


def state(found: Pages) -> Iterator[str]:
    """How many rules are signed, and which rules these pages show."""
    rules = found.book.rules
    pending = [rule for rule in rules if rule.reviewed.by == PENDING]
    if pending:
        signed = len(rules) - len(pending)
        yield f"> **Signed off by a clinician: {signed or 'none'} of {len(rules)} rules.**"
        yield "> Every card of a rule that is not signed off says so. Such rules are for synthetic"
        yield "> patients only."
        yield ""
    release = f"release {found.extras.release}, " if found.extras.release else ""
    yield f"**These pages show:** {release}rule set `{found.book.digest}`."
    yield ""
    yield from paragraph(
        "This number is the digest of the rule set: every card carries the digest of the "
        "rules that made it, and a service that is up tells it when asked whether it is "
        "ready. Equal digests, equal rules. The digest does not count this book. A "
        "hospital that adds products or limits of its own gets another digest; what it "
        "adds needs a signature of its own."
    )


def short_digest(book: Rulebook) -> str:
    """The first digits of the digest, to be compared by eye."""
    return book.digest.removeprefix("sha256:")[:SHOWN_DIGITS]


def shown(found: Pages) -> str:
    """`release 0.3.0, rule set 6f0c…`: what stands beside a signature."""
    release = f"release {found.extras.release}, " if found.extras.release else ""
    return f"{release}rule set {short_digest(found.book)} (page 1)"
