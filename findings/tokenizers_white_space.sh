#!/usr/bin/env bash
# A tokenizer.json's patterns in another regular-expression engine than the library tokenizers': \s is not \s.
#
# Expected: the patterns of byte-level tokenizers (Llama 3's and Qwen's use \s, \S, \p{L}, \p{N}) mean the same in any engine that
# knows Unicode, so a runtime may split text with its own.
# Seen, on tokenizers 0.23.3 (Oniguruma), pcre2 0.7.1 (PCRE2) and regex 2026.11.19 from PyPI, and Python 3's own re: \s is 25
# characters in Oniguruma and in regex (Unicode's White_Space). PCRE2 in its Unicode mode has U+180E besides, which Unicode took
# out in 6.3. Python's re, like str.isspace, has U+001C to U+001F. So by Llama 3's pattern "a\x1c\x1c!" is two words in tokenizers, "a"
# and the rest, and four in re: other token ids, and nothing is said.
# \p{White_Space} in place of \s is the same set in all that have it. The pre-tokenizer Digits is no \d either: it takes
# fractions, superscripts and Roman numerals (Unicode's N), so "½" stands alone.
#
# Needs python3 with venv and PyPI; installs the packages into a temporary folder. Fails if something else is seen.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q tokenizers==0.23.3 pcre2==0.7.1 regex==2026.11.19
"$folder/env/bin/python" - <<'CODE'
import importlib.metadata
import re

import pcre2
import regex
from tokenizers import Regex, pre_tokenizers

for package in ("tokenizers", "pcre2", "regex"):
    print(package, importlib.metadata.version(package))
onig = pre_tokenizers.Split(Regex(r"\s"), behavior="removed")
perl = pcre2.compile(r"\s")
engines = {
    "tokenizers": lambda c: onig.pre_tokenize_str(c) == [],
    "pcre2": lambda c: bool(perl.match(c)) if has_match(perl, c) else False,
    "regex": lambda c: bool(regex.match(r"\s", c)),
    "re": lambda c: bool(re.match(r"\s", c)),
}


def has_match(pattern, text):
    try:
        pattern.match(text)
        return True
    except pcre2.MatchError:
        return False


points = [p for p in range(0x3100) if not 0xD800 <= p < 0xE000]
spaces = {name: {p for p in points if is_space(chr(p))} for name, is_space in engines.items()}
for name, found in spaces.items():
    more = ", ".join(f"U+{p:04X}" for p in sorted(found - spaces["tokenizers"]))
    fewer = ", ".join(f"U+{p:04X}" for p in sorted(spaces["tokenizers"] - found))
    print(f"{name}: {len(found)} characters are \\s; beyond tokenizers' {more or 'none'}, missing {fewer or 'none'}")
assert len(spaces["tokenizers"]) == 25
assert spaces["pcre2"] - spaces["tokenizers"] == {0x180E} and spaces["regex"] == spaces["tokenizers"]
assert spaces["re"] - spaces["tokenizers"] == {0x1C, 0x1D, 0x1E, 0x1F}

signs = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s+(?!\S)|\s+|\p{L}+"  # parts of Llama 3's pattern
words = [word for word, _ in pre_tokenizers.Split(Regex(signs), behavior="isolated").pre_tokenize_str("a\x1c\x1c!")]
others = re.findall(signs.replace(r"\p{L}", "a-z").replace("a-z+", "[a-z]+").replace(r"\p{N}", "0-9"), "a\x1c\x1c!")
print("tokenizers:", words, " re:", others)
assert words == ["a", "\x1c\x1c!"] and others == ["a", "\x1c", "\x1c", "!"], (words, others)

digits = pre_tokenizers.Digits(individual_digits=True).pre_tokenize_str("a½b²cⅣ")
print("Digits:", [word for word, _ in digits])
assert [word for word, _ in digits] == ["a", "½", "b", "²", "c", "Ⅳ"]
CODE
