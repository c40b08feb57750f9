"""Fetches URLs with urllib or requests and prints a line for each: the URL, a tab, and the answer or what was wrong."""

import sys


def with_urllib(url):
    from urllib.request import urlopen

    return urlopen(url, timeout=20).read().decode()


def with_requests(url):
    import requests

    return requests.get(url, timeout=20).text


fetch = {"urllib": with_urllib, "requests": with_requests}[sys.argv[1]]
for url in sys.argv[2:]:
    try:
        said = fetch(url)
    except OSError as error:
        said = repr(error)
    print(url, " ".join(said.split()), sep="\t")
