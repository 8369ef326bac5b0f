"""Checks that every caption of a table of report.html stands in the text of the same report in another format."""

import html
import re
import sys
from pathlib import Path


def squeezed(text):
    return "".join(text.split())


def main():
    page, other = (Path(path).read_text(encoding="utf-8") for path in sys.argv[1:])
    found = re.findall(r"<caption[^>]*>(.*?)</caption>", page, re.DOTALL)
    captions = [html.unescape(re.sub(r"<[^>]+>", "", content)) for content in found]
    text = squeezed(other)
    missing = [caption for caption in captions if squeezed(caption) not in text]
    for caption in missing:
        print(f"not found: {caption}")
    print(f"{len(captions) - len(missing)} of {len(captions)} captions found")
    sys.exit(1 if missing or not captions else 0)


main()
