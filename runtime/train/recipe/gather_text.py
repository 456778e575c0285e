#!/usr/bin/env python3
"""Gathers the text that the small model is trained on: gather_text.py OUT

Unpacks ordinary Debian packages (downloaded with apt-get, not installed) and writes
  OUT/train/GENRE.txt, OUT/held_out/GENRE.txt   documents, each ended by a line that holds only a form feed
  OUT/provenance.json                           package, version, SHA-256, licence, documents, bytes
  OUT/licences/PACKAGE.txt                      what the package says of its authors and licence

A document is a book (scripture), a file (manual) or a routine (reference); one in twelve, chosen by the hash of its
name, is held out. A routine's name counts without the letter of its precision, so that its twin is held out too.
"""
import argparse
import gzip
import hashlib
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HELD_OUT_ONE_IN = 12
SEPARATOR = "\f\n"
MANUAL_PARTS = ("faq", "howto", "library", "reference", "tutorial")
# What may be passed on, and under which terms. The licence's words are in each package's file "copyright".
PACKAGES = {
    "bible-kjv": {"use": "the program that prints the next package's text", "licence": "GPL-2+ (not part of the text)"},
    "bible-kjv-text": {"use": "genre scripture: the King James Version", "licence": "public domain"},
    "python3.11-doc": {"use": "genre manual: Python's documentation of its library and language, in reStructuredText", "licence": "PSF-2.0"},
    "liblapack-doc": {"use": "genre reference: the routines of LAPACK in double precision", "licence": "BSD-3-clause"},
}


def fetch(package, folder, licences):
    """Downloads and unpacks a package, keeps its file of licences; its version and SHA-256."""
    downloads = folder / package
    downloads.mkdir()
    subprocess.run(["apt-get", "download", "-q", "-o", "APT::Sandbox::User=root", package], cwd=downloads, check=True,
                   stdout=subprocess.DEVNULL)
    (file,) = downloads.glob("*.deb")
    subprocess.run(["dpkg-deb", "-x", file, folder / "root"], check=True)
    shutil.copyfile(folder / "root/usr/share/doc" / package / "copyright", licences / f"{package}.txt")
    version = subprocess.run(["dpkg-deb", "-f", file, "Version"], check=True, capture_output=True, text=True).stdout
    return {"version": version.strip(), "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}


def scripture(root):
    """The books: name -> text, a chapter's title in a line of its own, then its numbered verses."""
    printed = subprocess.run([root / "usr/bin/bible", "-p", root / "usr/lib", "-l100000", "gen1:1-rev22:21"], check=True,
                             capture_output=True, text=True).stdout
    books = {}
    for line in printed.splitlines():
        title = re.fullmatch(r"(\S.*) \d+", line)
        if title:
            book = books.setdefault(title[1], [])
        if line:
            book.append("\n" + line + "\n" if title else line.strip())
    return {name: "\n".join(lines).strip() + "\n" for name, lines in books.items()}


def manual(root):
    """The documentation's pages: file name -> reStructuredText, without directives that only feed its index or the
    borders of tables, and with lines under titles cut to four characters: a model would go on ruling them."""
    folder = root / "usr/share/doc/python3.11/html/_sources"
    pages = {}
    for path in sorted(folder.rglob("*.rst.txt")):
        if path.relative_to(folder).parts[0] not in MANUAL_PARTS:
            continue
        text = path.read_text(encoding="utf-8")
        text = re.sub(r"^\.\. index::.*\n(?:[ \t]+\S.*\n)*\n*", "", text, flags=re.MULTILINE)
        text = re.sub(r"^[ \t]*(?:\+[-=+]+|[-=]+(?: +[-=]+)+)[ \t]*\n", "", text, flags=re.MULTILINE)
        text = re.sub(r"^([-=~^*#\"'`.+])\1{3,}[ \t]*$", lambda rule: rule[1] * 4, text, flags=re.MULTILINE)
        text = re.sub(r"(?<=\S) {4,}(?=\S)", "   ", text)
        text = re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE).replace("\f", "")
        pages[path.relative_to(folder).as_posix()] = text.strip() + "\n"
    return pages


def plain(roff):
    """What a manual page of doxygen's shows, a title above each list of parameters and no index of authors."""
    text = re.sub(r"^\.TP\n", "", roff.partition("\\fBAuthor\\fP")[0], flags=re.MULTILINE)
    text = re.sub(r"^\.(?:PP|br|nf|fi|RS|RE|sp|in|ti|ad|nh).*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"\\f[BIRP]|\\&", "", text).replace("\\-", "-").replace("\\'", "'").replace("\\\\", "\\").replace("\\(bu", "-")
    text = re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)
    return re.sub(r"\n{2,}", "\n", text).strip() + "\n"


def reference(root):
    """LAPACK's routines in double precision, real and complex: name -> declaration, purpose and parameters."""
    routines = {}
    for path in sorted((root / "usr/share/man/man3").glob("*.gz")):
        if path.is_symlink():
            continue
        for section in gzip.decompress(path.read_bytes()).decode(errors="replace").split("\n.SS ")[1:]:
            title, _, body = section.partition("\n")
            named = re.match(r'"(?:[a-z0-9* ]+ )?(?:subroutine|function) ([dz]\w+) \(', title)
            if named and "Purpose:" in body:
                routines.setdefault(named[1], title.strip('"') + "\n" + plain(body))
    return routines


def is_held_out(genre, name):
    family = name[1:] if genre == "reference" else name
    digest = hashlib.sha256(f"{genre}/{family}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % HELD_OUT_ONE_IN == 0


def write_genre(out, genre, documents):
    """Writes both halves of a genre; what provenance.json says of them."""
    record = {}
    for half in ("train", "held_out"):
        chosen = {name: text for name, text in documents.items() if is_held_out(genre, name) == (half == "held_out")}
        content = "".join(text + SEPARATOR for text in chosen.values()).encode()
        (out / half / f"{genre}.txt").write_bytes(content)
        record[half] = {"documents": len(chosen), "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    record["held_out"]["names"] = sorted(name for name in documents if is_held_out(genre, name))
    return record


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path, help="a folder; files in it are replaced")
    out = parser.parse_args().out
    for part in ("train", "held_out", "licences"):
        (out / part).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        packages = {name: about | fetch(name, folder, out / "licences") for name, about in PACKAGES.items()}
        genres = {genre.__name__: genre(folder / "root") for genre in (scripture, manual, reference)}
    record = {"packages": packages, "genres": {name: write_genre(out, name, text) for name, text in genres.items()}}
    (out / "provenance.json").write_text(json.dumps(record, indent=2) + "\n")
    for name, halves in record["genres"].items():
        print(f"{name}: {halves['train']['bytes']:,} bytes for training, {halves['held_out']['bytes']:,} held out")


if __name__ == "__main__":
    try:
        main()
    except (subprocess.CalledProcessError, OSError) as error:
        sys.exit(f"gather_text: {error}")
