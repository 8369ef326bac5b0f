"""Checks the text of a report in another format, as `pdftotext -raw` reads it back.

Every caption of a table, the abstract word by word and Table 2 row by row must stand in it as they stand
in report.html, and the numbers in both must be those of report.json, rounded.

    check_text.py FOLDER TEXT
"""

import html
import json
import re
import sys
from pathlib import Path


def words(markup):
    """The text of some HTML, without what is there for the ear alone."""
    seen = re.sub(r'<span class="unseen">.*?</span>', "", markup, flags=re.DOTALL)
    return html.unescape(re.sub(r"<[^>]+>", "", seen))


def squeezed(text):
    """Spaces do not count, as lines are broken."""
    return "".join(text.split())


def elements(markup, name):
    return re.findall(rf"<{name}\b[^>]*>(.*?)</{name}>", markup, re.DOTALL)


def expected(page):
    """What must stand in the text, by where it stands in the page; the markup of abstract and Table 2."""
    captions = [words(caption) for caption in elements(page, "caption")]
    section = re.search(r'<section id="abstract".*?</section>', page, re.DOTALL).group()
    abstract = elements(section, "dl")[0]
    pairs = zip(elements(abstract, "dt"), elements(abstract, "dd"))
    sentences = [words(term) + ":" + words(said) for term, said in pairs]
    (table,) = [one for one in elements(page, "table") if "<b>Table 2.</b>" in one]
    rows = [words(row) for row in elements(elements(table, "tbody")[0], "tr")]
    return {"captions": captions, "abstract": sentences, "Table 2": rows}, abstract + table


def without_running_lines(text, page):
    """The text without the lines that stand on every page: the notice, which other texts repeat, and the
    number of the page."""
    notice = re.search(r'<p class="notice"[^>]*>(.*?)</p>', page, re.DOTALL)
    study = squeezed(words(re.search(r'<p class="meta">Study (.*?)</p>', page).group(1)))
    text = re.sub(re.escape(study) + r",page\d+of\d+", "", text)
    return text.replace(squeezed(words(notice.group(1))), "") if notice else text


def agrees(shown, value):
    """Whether a number is the value, or its hundredfold in per cent, as far as it is printed."""
    printed = re.match(r"-?\d+(\.\d+)?", shown)
    if not printed or value is None:
        return True
    step = 10.0 ** -len((printed.group(1) or ".")[1:])
    return any(abs(float(printed.group()) - value * scale) <= 0.500001 * step for scale in (1, 100))


def compare(markup, quantities):
    """How many numbers were held against the result, and those that are not what it says."""
    pattern = r'<span class="number"[^>]*title="([^"]*)"[^>]*>((?:<span.*?</span> ?)+)</span>'
    count, faults = 0, []
    for title, shown in re.findall(pattern, markup):
        first = re.search(r"\[([^\]\s]*/(?:[^\[\]\s]|\[[^\]]*\])*)\]", html.unescape(title)).group(1)
        count += 1
        if not agrees(words(shown), quantities[first]["value"]):
            faults.append(f"{words(shown)} is not {first}")
    return count, faults


def main():
    folder, text = Path(sys.argv[1]), Path(sys.argv[2]).read_text(encoding="utf-8")
    page = (folder / "report.html").read_text(encoding="utf-8")
    result = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    quantities = {quantity["id"]: quantity for quantity in result["quantities"]}
    parts, numbers = expected(page)
    found = without_running_lines(squeezed(text), page)
    count, faults = compare(numbers, quantities)
    print(f"numbers: {count - len(faults)} of {count} as in report.json")
    faults += [] if count else ["no numbers"]
    for name, pieces in parts.items():
        wanted = [(piece, without_running_lines(squeezed(piece), page)) for piece in pieces]
        missing = [piece for piece, squeezed_piece in wanted if squeezed_piece not in found]
        print(f"{name}: {len(pieces) - len(missing)} of {len(pieces)} found")
        faults += [f"{name}, not found: {piece}" for piece in missing] + ([] if pieces else [f"no {name}"])
    for fault in faults:
        print(fault)
    sys.exit(1 if faults else 0)


main()
