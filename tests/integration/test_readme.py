"""The README's commands are true: its curl section is run, block by block, in one shell."""
import re
import shutil
import subprocess

import pytest

from program import MODELS, ROOT, SAMPLES, SLOW, environment, program

SECTION = "## The same by curl"
END = "end-of-block"


def blocks():
    """[(commands, output shown below them)] of the section."""
    text = (ROOT / "README.md").read_text(encoding="utf-8").split(SECTION, 1)[1].split("\n## ", 1)[0]
    found = re.findall(r"```(\w+)\n(.*?)```", text, re.S)
    for i, (kind, body) in enumerate(found):
        if kind == "sh":
            shown = found[i + 1][1] if i + 1 < len(found) and found[i + 1][0] != "sh" else ""
            yield body, shown


def fitted(commands, server):
    """What a reader replaces (the code), and where this server and program are."""
    for pattern, value in ((r"(?m)^(URL)=\S+", server.url), (r"(?m)^(CODE)=\S+", server.first_code),
                           (r"(ROLLCALL_DATA_DIR)=\S+", server.data)):
        if re.search(pattern, commands):
            value = value() if callable(value) else value
            commands = re.sub(pattern, lambda m, v=value: f"{m[1]}={v}", commands)
    return commands.replace("build/rollcall", str(program())).replace(".deps/samples", str(SAMPLES))


def words(shown):
    """What an output must have: the names of fields, and values that do not change from run to run."""
    stable = r"accepted|done|enrol|present|already_present|active|frame_result|face|admin|S-1001|Jerry Seinfeld|TV-101" \
             r"|UNAUTHENTICATED|5 sent, 5 accepted, 5 processed, 0 dropped"
    return {f'"{name}":' for name in re.findall(r'"(\w+)":', shown)} | set(re.findall(rf"\b(?:{stable})\b", shown))


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_the_commands_of_the_readme_do_what_it_says(serve, tmp_path):
    server = serve()
    script, expected = [], []
    for commands, shown in blocks():
        script += [fitted(commands, server), f"echo; echo {END}"]
        expected.append(words(shown))
    assert len(expected) >= 8, "the README has lost its commands"
    done = subprocess.run(["bash", "-e", "-u", "-c", "\n".join(["unset TOKEN", "TOKEN=", *script])],
                          cwd=tmp_path, text=True, capture_output=True, timeout=120 * SLOW, check=False,
                          env={**environment(), "ROLLCALL_MODELS_DIR": str(MODELS)})
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    outputs = done.stdout.split(END)
    for wanted, output in zip(expected, outputs, strict=False):
        missing = {word for word in wanted if word not in output}
        assert not missing, f"the README shows {sorted(missing)}, but the answer is: {output[-3000:]}"


def test_files_that_the_documentation_links_to_exist():
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md"), ROOT / "models/README.md"]
    broken = [f"{page.relative_to(ROOT)}: {link}" for page in pages
              for link in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
              if "://" not in link and not (page.parent / link).exists()]
    assert not broken


def test_folders_and_files_of_the_tour_exist():
    tour = (ROOT / "README.md").read_text(encoding="utf-8").split("## A tour of the code", 1)[1].split("\n## ", 1)[0]
    paths = re.findall(r"`((?:src|tests|tools|migrations|api)/[\w./]*)`", tour)
    assert len(paths) >= 10
    assert not [path for path in paths if not (ROOT / path).exists()]
