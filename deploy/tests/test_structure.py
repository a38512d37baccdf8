"""Names, file sizes and links of the whole repository.

Each check prints every finding before it fails, so that one run shows the whole list. Run it on
its own with `python3 deploy/tests/test_structure.py`; it needs git and nothing else.
"""

import re
import subprocess
import sys
import unicodedata
from pathlib import Path

ROOT = Path(__file__).parents[2]
LINES = 450
SOURCES = {".rs", ".ts", ".tsx", ".mjs", ".py", ".sh", ".tla", ".css"}
PROSE = {".md", ".toml", ".yml", ".yaml", ".html", ".cfg"}
# Not ours, generated, or test data.
EXCLUDED = re.compile(
    r"\.gen\.ts$|/vectors/|/custom_resources/.*\.json$|package-lock\.json$|Cargo\.lock$|\.patch$"
    r"|^deploy/tests/test_structure\.py$"
)
# Not ours to measure: each fixture and generated page is as long as what it describes.
UNBOUNDED = re.compile(r"\.gen\.ts$|/vectors/|/fixtures/")

# Words that the vocabulary replaced. Each one is looked for in every part of every identifier (the
# words of `snake_case` and `CamelCase`), in comments, and in file names.
RETIRED_WORDS = """
    acquaintance acquaintances comer comers convoy convoys foresee foreseen inlet inlets outlet
    outlets outsider outsiders shard shards testify tentative unseat wallclock
    wish wishes
""".split()

# Identifiers that the vocabulary replaced whose words are good words elsewhere. Each one is looked
# for as a whole identifier below the given folder.
RETIRED_IDENTIFIERS = {
    "": """
        AwayChanged Entrance EncodingsWanted Judge Outlook RestartAhead RestartOff
        SetWishes StepOut Surroundings TurnAway TurnedAway Urgency Visitor Visitors Wish
        away_changed encodings_wanted keep_shell own_script process_figures restart_ahead
        restart_off set_wishes step_out told_addresses turn_away turned_away visitor visitors
        keepShell ownScript processFigures turnAway stepOut
    """,
    "sfu": """
        Branch Convoy Coupled Given Home Order Passage Published Seat Shard Train
        UpTo aim at_hand can_do_without enlist line_up seat train up_to
    """,
    "signaling": """
        Comes Door Dropped Relay around come door foresee mute_until outlook spoke succeed
        tell_away told_away verdict visitor_says
    """,
    "mls-delivery": "Dropped Judge Tentative Verdict verdict",
    "web-client/e2ee": "Comparison admissible announced comparison testify verdict witness Witness",
    "web-client/src": """
        arrival house outsiders reception verdict voices
    """,
    "deploy/server": "eyes figures",
    "tla": "Comes Judge Testify Tentative Verdict Witness",
}

# Phrases that documentation does not use of participants: see CONTRIBUTING.md.
RETIRED_PROSE = re.compile(r"\b(?:whoever|whomever|somebody)\b", re.IGNORECASE)
OPENINGS = re.compile(r"^(?:Whether|What|Who|Whom|Whose|Whoever)\b")

# str0m names a field of its packets so.
ALLOWED = {("sfu", "wallclock"), ("benches", "wallclock")}

IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
RUST_DOC = re.compile(r"^\s*//[/!](?!/)\s?(.*)$")
LINE_COMMENT = re.compile(r"(?<![:\"'])//.*$|^\s*\*.*$|^\s*/\*.*$|\\\*.*$")


def tracked():
    """Returns the paths of all files under version control that we wrote, as text relative to the root."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return [path for path in listed.stdout.split("\0") if path and (ROOT / path).is_file()]


def ours(paths, suffixes):
    return [path for path in paths if Path(path).suffix in suffixes and not EXCLUDED.search(path)]


def lines_of(path):
    return (ROOT / path).read_text(encoding="utf-8").splitlines()


def words_of(identifier):
    return {word.lower() for word in CAMEL.findall(identifier)}


def identifiers_for(path):
    """Returns the retired identifiers that apply to a path."""
    found = set()
    for folder, names in RETIRED_IDENTIFIERS.items():
        if not folder or path.startswith(folder + "/"):
            found.update(names.split())
    return found


def is_allowed(path, identifier):
    return (path.split("/")[0], identifier) in ALLOWED


def retired_names():
    """Yields each retired word, identifier or file name with its place."""
    words = set(RETIRED_WORDS)
    for path in tracked():
        if EXCLUDED.search(path):
            continue
        hit = words_of(path) & words
        if hit:
            yield path, 0, f"file name: {', '.join(sorted(hit))}"
    for path in ours(tracked(), SOURCES | PROSE | {".json"}):
        exact = identifiers_for(path) if Path(path).suffix in SOURCES | {".json"} else set()
        for number, line in enumerate(lines_of(path), 1):
            code = LINE_COMMENT.sub("", line)
            if "#" in code and Path(path).suffix in {".py", ".sh"}:
                code = code.partition("#")[0]
            # Strings are sentences.
            code = re.sub(r'"(?:[^"\\]|\\.)*[ ](?:[^"\\]|\\.)*"', '""', code)
            found = {
                token
                for token in IDENTIFIER.findall(line)
                if words_of(token) & words and not is_allowed(path, token)
            }
            found |= set(IDENTIFIER.findall(code)) & exact
            for token in sorted(found):
                yield path, number, token


def doc_comments(path):
    """Yields each doc comment line of a Rust or TypeScript file with its number, and whether it opens one."""
    before, inside = False, False
    for number, line in enumerate(lines_of(path), 1):
        if path.endswith(".rs"):
            match = RUST_DOC.match(line)
            text, opens = (match[1], not before) if match else (None, False)
            before = match is not None
        else:
            opens = line.lstrip().startswith("/**")
            inside = inside or opens
            text = line.strip().removeprefix("/**").removesuffix("*/").lstrip("* ") if inside else None
            inside = inside and "*/" not in line
        if text is not None:
            yield number, text, opens


def prose():
    """Yields each line of documentation as path, number, text, and whether it opens a doc comment."""
    for path in ours(tracked(), {".md"}):
        yield from ((path, number, line, False) for number, line in enumerate(lines_of(path), 1))
    for path in ours(tracked(), {".rs", ".ts", ".tsx"}):
        yield from ((path, *one) for one in doc_comments(path))


def retired_prose():
    """Yields each word of documentation that has no definite subject."""
    for path, number, text, _ in prose():
        for match in RETIRED_PROSE.finditer(text):
            yield path, number, match[0]


def openings():
    """Yields each doc comment that opens with a question word in place of a verb."""
    for path, number, text, opens in prose():
        if opens and OPENINGS.match(text):
            yield path, number, text


def long_files():
    """Yields each source file that is too long."""
    for path in tracked():
        if Path(path).suffix in SOURCES and not UNBOUNDED.search(path):
            count = len(lines_of(path))
            if count > LINES:
                yield path, count, f"{count} lines, {LINES} are allowed"


def slug(heading):
    """Returns the anchor of a heading, as GitHub makes it."""
    text = re.sub(r"[`*]|\[([^]]*)\]\([^)]*\)", r"\1", heading.strip()).lower()
    kept = (c for c in text if c in " -_" or unicodedata.category(c)[0] in "LN")
    return "".join(kept).replace(" ", "-")


def anchors_of(path):
    return {slug(line.lstrip("#")) for line in lines_of(path) if re.match(r"#{1,6} ", line)}


def broken_links():
    """Yields each link of a Markdown file that leads to no file or to no heading."""
    paths = tracked()
    known = set(paths) | {str(parent) for path in paths for parent in Path(path).parents}
    for path in (path for path in paths if path.endswith(".md")):
        fenced = False
        for number, line in enumerate(lines_of(path), 1):
            if line.lstrip().startswith("```"):
                fenced = not fenced
            if fenced:
                continue
            for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", line)):
                if re.match(r"[a-z]+:", target):
                    continue
                name, _, anchor = target.partition("#")
                full = (ROOT / path).parent.joinpath(name).resolve() if name else ROOT / path
                relative = str(full.relative_to(ROOT)) if full.is_relative_to(ROOT) else ""
                if relative not in known:
                    yield path, number, f"no such file: {target}"
                elif anchor and relative.endswith(".md") and anchor not in anchors_of(relative):
                    yield path, number, f"no such heading: {target}"


def missing_paths():
    """Yields each path in a Markdown file, written as code, that does not exist."""
    paths = tracked()
    known = set(paths) | {str(parent) for path in paths for parent in Path(path).parents}
    folders = {path.split("/")[0] for path in paths if "/" in path}
    for path in (path for path in paths if path.endswith(".md")):
        for number, line in enumerate(lines_of(path), 1):
            for target in re.findall(r"`([\w.-]+(?:/[\w.-]+)+)/?`", line):
                exists = target in known or any(one.endswith("/" + target) for one in known)
                if target.split("/")[0] in folders and not exists:
                    yield path, number, f"no such path: {target}"


def report(findings):
    found = [f"{path}:{number}: {what}" for path, number, what in findings]
    assert not found, "\n" + "\n".join(found)


def test_no_retired_name_is_used():
    report(retired_names())


def test_documentation_speaks_of_participants_in_plain_words():
    report(retired_prose())


def test_doc_comments_begin_with_what_an_item_is_or_does():
    report(openings())


def test_no_source_file_is_too_long():
    report(long_files())


def test_every_link_leads_to_a_file_and_a_heading():
    report(broken_links())


def test_every_path_in_documentation_exists():
    report(missing_paths())


def test_words_are_found_in_every_spelling():
    assert words_of("lastWishOf") == {"last", "wish", "of"}
    assert words_of("SET_WISHES") == {"set", "wishes"}
    assert not words_of("wishful") & set(RETIRED_WORDS)


if __name__ == "__main__":
    for check in (retired_names, retired_prose, openings, long_files, broken_links, missing_paths):
        found = list(check())
        print(f"{check.__name__}: {len(found)}", file=sys.stderr)
        for path, number, what in found:
            print(f"{check.__name__}\t{path}:{number}: {what}")
