"""A badge for a README: what was audited and how it came out, as a small SVG picture."""

from html import escape

from mackey.audit.report import Report

_GREEN, _RED, _AMBER, _GREY = "#1f7a55", "#b3362b", "#a86a0b", "#5b6472"
_COLOURS = {
    "equivariant": _GREEN, "in expectation": _GREEN, "broken": _RED, "biased": _RED, "rounded": _AMBER,
    "imprecise": _AMBER,
}  # fmt: skip
_WIDE = 6.7  # an average letter of Verdana at 11 px


def badge(report: Report) -> str:
    """The group on the left; the finding and the worst error in float64 on the right."""
    left = f"equivariance {report.group}"
    measured = report.finding in _COLOURS
    worst = f" {report.worst:.0e}" if report.rows else ""  # a mean has no rows
    right = f"{report.finding}{worst}" if measured else f"not measured: {report.finding}"
    a, b = (round(_WIDE * len(text)) + 12 for text in (left, right))
    colour = _COLOURS.get(report.finding, _GREY)
    label = f"{escape(left)}: {escape(right)}"
    style = 'fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{a + b}" height="20" role="img" '
            f'aria-label="{label}">',
            f"<title>{label}</title>",
            f'<clipPath id="round"><rect width="{a + b}" height="20" rx="4"/></clipPath>',
            '<g clip-path="url(#round)">',
            f'<rect width="{a}" height="20" fill="#3a3f4b"/>',
            f'<rect x="{a}" width="{b}" height="20" fill="{colour}"/>',
            "</g>",
            f'<text x="{a / 2:g}" y="14" {style}>{escape(left)}</text>',
            f'<text x="{a + b / 2:g}" y="14" {style}>{escape(right)}</text>',
            "</svg>\n",
        ]
    )
