"""Lines of text of many kinds, the same everywhere: what tokenizers stumble over.

Characters are of blocks that all versions of Unicode since 10 fill alike.
"""
import random

SCRIPTS = [
    [(0x41, 0x5A), (0x61, 0x7A)],  # Latin
    [(0xC0, 0xD6), (0xD8, 0xF6), (0xF8, 0x17F)],
    [(0x391, 0x3A1), (0x3A3, 0x3C9)],  # Greek
    [(0x410, 0x44F)],  # Cyrillic
    [(0x5D0, 0x5EA)],  # Hebrew
    [(0x621, 0x63A), (0x641, 0x652)],  # Arabic, with marks
    [(0x905, 0x939), (0x93E, 0x94D)],  # Devanagari, with marks
    [(0xE01, 0xE3A), (0xE40, 0xE4E)],  # Thai
    [(0x1100, 0x1112), (0x1161, 0x1175), (0x11A8, 0x11C2)],  # Hangul in parts
    [(0xAC00, 0xD7A3)],  # Hangul
    [(0x3041, 0x3096), (0x30A1, 0x30FA)],  # Kana
    [(0x4E00, 0x9FD5)],  # Han
    [(0x1F600, 0x1F64F), (0x1F1E6, 0x1F1FF), (0x200D, 0x200D), (0xFE0F, 0xFE0F)],
    [(0x2200, 0x22FF), (0x2500, 0x257F)],  # signs
    [(0x1D400, 0x1D454), (0x10400, 0x1044F)],  # letters beyond 16 bits
]
DIGITS = [(0x30, 0x39), (0x30, 0x39), (0x660, 0x669), (0xB2, 0xB3), (0xBC, 0xBE), (0x2160, 0x216B), (0x966, 0x96F)]
SPACES = [" ", " ", " ", "  ", "    ", "\t", "\n", "\r\n", "\n\n", "\r", "\u00a0", "\u0085", "\u2028", "\u3000",
          "\u180e", "\u200b", "\u2003", "\u000b", "\u001c", " \n ", "\n\t"]
SIGNS = list("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~") + ["...", "--", "->", "::", "«", "»", "…", "—", "£", "€", "©"]
ENDINGS = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'LL", "'Re", "’s", "'\u017f", "'x"]
CODE = ["def f(x):\n    return x\n", "if (a != b) { ++i; }", "std::vector<int> v{1, 2};", "x_1 = y[0:10]",
        "#include <map>\n", "<div class=\"a\">", "SELECT * FROM t;", "\t\treturn 0;\n", "0x1F + 1e-5", "a->b()"]
MARKS = ["\u0301", "\u0308", "\u0323", "\u0327", "\u030a"]
SPECIAL = ["<|im_start|>", "<|im_end|>", "<|endoftext|>", "<s>", "</s>", "<unk>", "<|im_start", "<s", "<|added|>"]


def character(draw, ranges):
    first, last = draw.choice(ranges)
    return chr(draw.randint(first, last))


def word(draw):
    script = draw.choice(SCRIPTS) if draw.random() < 0.6 else SCRIPTS[0]
    text = "".join(character(draw, script) for _ in range(draw.randint(1, 9)))
    if draw.random() < 0.1:
        text += draw.choice(MARKS)
    if draw.random() < 0.15:
        text += draw.choice(ENDINGS)
    return text


def part(draw):
    kind = draw.random()
    if kind < 0.5:
        return word(draw)
    if kind < 0.62:
        return "".join(character(draw, DIGITS) for _ in range(draw.randint(1, 7)))
    if kind < 0.75:
        return draw.choice(SIGNS) * draw.choice([1, 1, 1, 2, 5])
    if kind < 0.83:
        return draw.choice(CODE)
    if kind < 0.87:
        return draw.choice(SPECIAL)
    return draw.choice(SPACES)


def lines(count, seed=1):
    draw = random.Random(seed)
    made = []
    for _ in range(count):
        text = ""
        for _ in range(draw.randint(0, 14)):
            text += part(draw) + (draw.choice(SPACES) if draw.random() < 0.6 else "")
        made.append(text)
    return made
