"""The report as one HTML file: no script, nothing loaded, a first page for who has never seen one before."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup, escape

from attest.condense import MEANING, STATUS_WORDS, condense
from attest.model import format_time
from attest.picture import STYLE, svg, text_tree
from attest.report import Report
from attest.reports._view import view
from attest.reports._words import RESULT_WORDS, age, command, counts_of, kind_of, many, moment, size

__all__ = ["render"]

_FINDINGS = 200
_ROWS = 2000
_OPEN = 12
"""Up to so many findings lie open when the page is opened; printing opens all."""

_DIGEST = re.compile(r"(sha256:[0-9a-f]{64})")
_TONES = {
    "FAIL": "fail",
    "UNKNOWN": "unknown",
    "EXCEPTION": "exception",
    "PASS": "pass",
    "NOT_APPLICABLE": "none",
    "REJECT": "fail",
    "INCOMPLETE": "unknown",
    "ACCEPT_WITH_EXCEPTIONS": "exception",
    "ACCEPT": "pass",
}
_SIGNS = {"FAIL": "✕", "UNKNOWN": "?", "EXCEPTION": "!", "PASS": "✓", "NOT_APPLICABLE": "·"}
_ICONS = {
    "REJECT": "M8.5 8.5l7 7m0-7l-7 7",
    "INCOMPLETE": "M9.2 9.2a2.9 2.9 0 1 1 4.2 2.6c-.9.5-1.4 1-1.4 2.1M12 17h.01",
    "ACCEPT_WITH_EXCEPTIONS": "M12 6.8v6.4M12 17h.01",
    "ACCEPT": "M7.6 12.4l3 3 5.8-6.4",
}
_STATUSES = {
    "ok": ("pass", "✓"),
    "gap": ("fail", "✕"),
    "withdrawn": ("fail", "⊘"),
    "untrusted": ("fail", "!"),
    "refused": ("fail", "✕"),
    "open": ("unknown", "?"),
}
_HELD = {
    "refused": ("refused", "it is explained, and a rule of your policy refuses it"),
    "open": ("open", "it is explained, and a rule of your policy misses a fact about it"),
}
"""Status that only a dataset has → its word, and what it means."""
_STANDINGS = {
    "granted": ("pass", "✓", "believed"),
    "carried": ("none", "·", "carried"),
    "withdrawn": ("fail", "⊘", "withdrawn"),
    "unverified": ("fail", "✕", "unverified"),
    "unreadable": ("unknown", "?", "unreadable"),
}
_GLOSSARY = (
    (
        "Incomplete",
        "Not refused, but something you require could not be shown. It is never counted as passed.",
    ),
    (
        "Failed, unknown",
        "Failed: evidence shows that a rule is broken. Unknown: nothing you believe shows it.",
    ),
    ("Exception", "A failed or unknown finding that your own policy waives, until a date."),
    ("Not applicable", "The lineage is fully known and holds nothing that the rule is about."),
    ("Statement", "A signed sentence about exact bytes: what a dataset is, what a step read and wrote."),
    ("Digest", "A fingerprint of bytes (SHA-256). Change one bit and it is another."),
    ("Step", "One transformation, such as training or quantizing: what it read and what it wrote."),
    ("Lineage", "Everything a model was made from, step by step, back to its first inputs."),
    ("Gap", "Something in the lineage that no statement you believe explains."),
    ("Opaque", "A base model whose own lineage the vendor declares not to show."),
    (
        "Trust file, principal",
        "Your list of signers and of what each may say; a principal is one entry of it.",
    ),
    ("Trusted time", "A time from somebody other than the signer: the statement was signed before then."),
    ("Register", "A signed, numbered list of what is current, withdrawn or ordered deleted."),
)


def _badge(tone: str, sign: str, word: str) -> Markup:
    return Markup('<span class="badge is-{}"><span aria-hidden="true">{}</span> {}</span>').format(
        tone, sign, word
    )


def _status(status: str) -> Markup:
    tone, sign = _STATUSES[status]
    word, means = _HELD.get(status) or (STATUS_WORDS[status], MEANING[status])
    meaning = Markup('<span class="second">{}</span>').format(means) if status != "ok" else ""
    return _badge(tone, sign, word) + meaning


_FITS = {
    "yes": ("pass", "✓", "allowed"),
    "no": ("fail", "✕", "not allowed"),
    "unknown": ("unknown", "?", "not stated"),
}


def _fit(text: str) -> Markup:
    """Return whether a dataset's rights allow the policy's purposes: ``no: a, b; unknown: c``, or a word."""
    parts = [part.partition(": ") for part in text.split("; ")]
    if any(word not in _FITS for word, _, _ in parts):
        return Markup('<span class="second">{}</span>').format(
            "your policy names no purpose" if text == "not asked" else text
        )
    return Markup("").join(
        _badge(*_FITS[word]) + (Markup('<span class="second">{}</span>').format(names) if names else "")
        for word, _, names in parts
    )


def _standing(standing: str) -> Markup:
    return _badge(*_STANDINGS[standing])


def _prose(text: str) -> Markup:
    """Return shown text with the digests in it short to the eye and whole to the clipboard."""
    parts = _DIGEST.split(text)
    return Markup("").join(_digest(part) if number % 2 else escape(part) for number, part in enumerate(parts))


def _digest(text: str) -> Markup:
    return Markup('<code class="digest" title="{0}">{0}</code>').format(text)


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("attest.reports"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.globals |= {
        "age": age,
        "glossary": _GLOSSARY,
        "kind": kind_of,
        "many": many,
        "digest": _digest,
        "fit": _fit,
        "moment": moment,
        "prose": _prose,
        "signs": _SIGNS,
        "size": size,
        "stamp": format_time,
        "standing": _standing,
        "status": _status,
        "tones": _TONES,
        "words": RESULT_WORDS,
    }
    return environment.get_template("report.html.j2")


@cache
def _style() -> str:
    page = resources.files("attest.reports").joinpath("templates/report.css").read_text(encoding="utf-8")
    return page + STYLE


def _policy(style: str) -> str:
    """Return the content security policy: one style sheet, named by its hash, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )


def render(report: Report) -> str:
    """Return the report as one self-contained page; of each rule the worst 200 findings, JSON has all."""
    shown = view(report, findings=_FINDINGS, rows=_ROWS)
    style = _style()
    context: dict[str, Any] = {
        "view": shown,
        "style": Markup(style),  # noqa: S704 - our own file
        "policy": _policy(style),
        "tone": _TONES[report.verdict],
        "icon": _ICONS[report.verdict],
        "counts": counts_of(report),
        "opened": sum(group.findings.total for group in shown.groups) <= _OPEN,
        "condensed": condense(shown.lineage).condensed,
        # the picture shows and escapes every string itself
        "picture": Markup(svg(shown.lineage, title="Lineage of the delivery", standalone=False)),  # noqa: S704
        "tree": text_tree(shown.lineage),
        "command": "\n".join(command(shown.report.reproduce, 96)),
    }
    return _template().render(context) + "\n"
