"""What figures of several systems have in common: lines that can be told apart in colour, by the colour-blind
(Okabe and Ito's colours) and in a black-and-white print (marks and dashes)."""

STYLES = [
    ("#0072B2", "o", "-"), ("#D55E00", "s", "--"), ("#009E73", "^", "-."), ("#CC79A7", "D", ":"),
    ("#000000", "v", "-"), ("#E69F00", "P", "--"), ("#56B4E9", "X", "-."),
]


def style(index):
    """Of the index-th system."""
    color, marker, line = STYLES[index % len(STYLES)]
    return {
        "color": color, "marker": marker, "linestyle": line, "markersize": 6, "linewidth": 1.6,
        "markeredgecolor": "white", "markeredgewidth": 0.6,
    }


def counted(count, what):
    """'1 device', '2 devices'."""
    return f"{count} {what}{'' if count == 1 else 's'}"
