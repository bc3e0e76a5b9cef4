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
by a program from the rule files. Conditions, limits, doses and offers are what the service
uses. Written by hand, and to be compared with what the service does, are: this introduction;
the chapters “What is worked out from the data”, “Open questions for a pharmacist”, “What was
asked for and is not done” and “Abbreviations”; and in the other chapters the titles, the
purpose, the names of terms and tables, the words of cards, what a limit decides, the known
false alarms, the changes and the laws. Whoever changes a rule makes the book anew.

**How a rule works.** Each rule asks questions about a patient. The answer to a question is
*yes*, *no* or *cannot tell*; the book also says *true*, *not true* and *cannot be told*. A card
comes only on a clear *yes*. Missing data are not taken for a *no*: where something decides and
cannot be told, no drug is offered, and the card says what is missing. There are five exceptions,
and they withhold nothing. First: where the weight of an adult is not known, it counts as not
low. Second and third: doses given, and dialysis procedures, that are not in what was sent count
as absent, even where the list was not sent or is not complete; what is seen of a list that is
not complete counts, also where a card says that doses given or procedures are not visible, or
that totals count orders only. Fourth: a problem for which a sentence names a time counts as
absent where its entry has no date, unless the sentence says “or without a date”. Fifth: a
creatinine that was measured only once counts as not unstable, unless acute kidney injury is on
the problem list. One place does the opposite: “Low potassium that does not rise despite
replacement” takes potassium that was ordered as given where no record of a dose of it was sent.
From any other list that was not sent or is not complete, an entry that is not seen is *cannot
tell*. A sentence such as “a usable potassium level is at hand and is below 3.5 mmol/L” is not
true where no usable level is at hand. Some cards say that doses given or dialysis procedures are
not visible: the chapter prints that line, or the card says it inside the explanation of a total.
Cards of other chapters do not say it. A line of advice can come, and the offer be withheld,
where a stop cannot be told; the condition of the line, or its term, then says “it is not true,
or cannot be told”.

**What one reply of the service holds.** At most four cards are shown, unless more than four are
critical: then all critical ones. Information is left out first, then warnings; the last card
names what was left out (“Not shown: …”). At most one magnesium order is offered in a reply,
however many cards speak of magnesium. At discharge, and to a user who is not a clinician, cards
are shown and no new order of a drug is offered; a test, and the removal or reduction of an
order, may still be offered.

**Orders.** An order is *active* when it runs, *drafted* when it is being written, *selected*
when the clinician has just chosen it or is about to sign it, and *on order* when it is active
or drafted. A selected order is also drafted: it is on order and counts in the totals. A
clinician who is just choosing IV magnesium therefore sees “already ordered or given” on the
card on low magnesium. An order that is drafted and not selected gives no card of its own.

**How urgent a card is.** *Information* can wait, a *warning* wants a decision now, and
*critical* means that harm is near. Nothing is ordered, changed or removed without a person who
accepts it.

**Words used throughout.** A *card* is what the clinician sees. A *row* is one finding with its
own card. Its short name, such as A1 or C4-iv, comes from the table of findings in the clinical
pack; several rows may have the same one, so cite chapter and row number. A *stop* is a finding
that withholds an offer. Words in square brackets, such as [magnesium value], are filled with the
patient's data, or with “not available” where there are none; “explained” means: with the source
of the number, or with the reason why there is none. Where this book prints a limit in two units
inside the words of a card, the card prints the one of the result. The words of a card stand in
curly quotation marks, and so do names of chapters, tables and ranges. A number such as (term 7)
leads to the list of terms near the end. A row without sources of its own rests on the sources of
its rule, at the end of the chapter.

**A usable result** is final or corrected, of the right specimen and within its time limit. It
has a number, a unit and, where one is written, a sign for less or more that are understood, is
plausible, and has a readable time that is not in the future. A haemolysed potassium or magnesium
is not usable; a haemolysed result of any other test is used if it has a number, and without one
counts as a result that could not be used. Rules, laws and tests also say what would happen if a
haemolysed creatinine or calcium were set aside; this service sets none aside. A result that is
not usable can withhold an offer, but never makes the offer of a drug. A result such as “<1.9”
answers *yes* only where every value that it may stand for does. Two different results of one
blood sample answer what both of them would answer, and otherwise *cannot tell*. The laboratory's
own limit counts where the chapter “Ranges of results” says so.

**An inpatient** is a patient who is admitted, in the emergency department, under observation or
in the delivery unit; everybody else is an outpatient. A stay whose record cannot be read has
the time limits of an inpatient, and no offer of a new order into a vein. Time limits and every
offer of a new order into a vein depend on whether the patient is an inpatient; the reduction or
removal of an order does not. A patient is *in intensive care* when he or
she is an inpatient whose present place is recorded as an intensive care unit.

**Problems.** Only active entries of the problem list count that nobody has refuted. A problem
for which a sentence names no time counts whatever its date, and without one. “Of the last 24
h”, or of a stated number of days, means: with an onset in that time, or, where no onset is
stated, with a recording date in that time. An entry without either date then does not count,
unless the sentence says “or without a date”. Only an entry that names a seizure counts as a
seizure; epilepsy alone does not.

**Kidney function** is in mL/min (per 1.73 m² where the estimate is an estimated GFR). It has
five classes: *good*, 60 or more; *reduced*, 30 to below 60; *severely reduced*, 15 to below 30,
or a creatinine that is unstable; *failing*, also called kidney failure, below 15, dialysis, or
end-stage kidney disease without a transplant; and *not known*. An estimate below 15, dialysis,
and end-stage kidney disease without a transplant mean failing, also when creatinine is unstable;
otherwise an unstable creatinine means severely reduced, unless kidney function is not known.
Dialysis is an entry of the problem list of any date, a dialysis procedure of the last 30 days or
without a date, or a laboratory result of the last 30 days that is coded as drawn before
dialysis. These are names of classes; which dose a class gets stands in each table of doses.
Where it cannot be told which class of kidney function or which range of a result holds, a table
gives the dose on which all possible ones agree. Where they do not agree, its column or row *not
known* counts; of kidney function that is no dose: the card prints “none”, and every dose counts
as above it.

**Magnesium.** On the cards, *IV magnesium* is magnesium by injection or infusion; an injection
into a muscle counts alike. *A magnesium replacement* is magnesium by injection or infusion, or
magnesium by mouth as a supplement, whatever the salt; a laxative, an antacid and a bowel
preparation are not. *Post-dose* is a level drawn during a magnesium infusion or within 6 h
after its end.

**Potassium.** *A potassium replacement* is a product that is meant to give potassium, whatever
the salt: chloride, phosphate, acetate, citrate, bicarbonate and others, and a maintenance fluid
with potassium; parenteral nutrition is not. *A push* is an order whose route, method or text
says “push” or “IVP”; a text that forbids a push does not count, and the word “bolus” is not
read. *The concentrate* is potassium chloride 2 mEq/mL, which must be diluted before it is
given; the diluent is read from the name and the text of the order. Concentrates of other
potassium salts are not known as such. *A drip-arm sample* is blood drawn from the arm with a
running infusion, and diluted by it.

**The clinical pack** is the collection of sources and decisions from which the rules were
written. It is not printed here; the owner of the rules shows it on request. Marks such as R14
or “safety 32”, in the questions and the points not done, are its paragraphs.

**How to approve a rule.** Read its section “The rule, to be read aloud” aloud, in a group, with
its tables. Where a sentence needs an explanation, do not sign: ask for a better sentence. Then
read when the rule is wrong, and sign at the end of its chapter. The terms, limits and doses
that rules share are signed in the chapter “Signatures for terms, limits and orders”. The
service does not count signatures: the owner of the rules enters the name of the clinician who
has signed, and until then every card of the rule says that it is not signed off by a clinician.
Whether all three roles must approve, and whether “approved with changes” is enough, is for the
hospital to decide before anybody signs."""


def state(found: Pages) -> Iterator[str]:
    """How many rules are signed, and which rules these pages show."""
    rules = found.book.rules
    pending = [rule for rule in rules if rule.reviewed.by == PENDING]
    if pending:
        signed = len(rules) - len(pending)
        yield f"> **Signed off by a clinician: {signed or 'none'} of {len(rules)} rules.**"
        yield "> Every card of a rule that is not signed off says so. Such rules are for made-up"
        yield "> patients only."
        yield ""
    release = f"release {found.extras.release}, " if found.extras.release else ""
    yield f"**These pages show:** {release}rule set `{found.book.digest}`."
    yield ""
    yield from paragraph(
        "The long number is a fingerprint of the rule files: it changes when any rule changes, "
        "and equal numbers mean equal rules. It is worked out from the rules, not from the wording "
        "of this book that the program adds. Every card carries the number of the rules that made "
        "it, and informatics can ask a running service for its number. Its first "
        f"{SHOWN_DIGITS} signs stand beside each signature. A hospital that adds products or "
        "limits of its own gets another number; what it adds needs a signature of its own."
    )


def short_digest(book: Rulebook) -> str:
    """The first digits of the digest, to be compared by eye."""
    return book.digest.removeprefix("sha256:")[:SHOWN_DIGITS]


def shown(found: Pages) -> str:
    """`release 0.3.0, rule set 6f0c…`: what stands beside a signature."""
    release = f"release {found.extras.release}, " if found.extras.release else ""
    return f"{release}rule set {short_digest(found.book)} (page 1)"
