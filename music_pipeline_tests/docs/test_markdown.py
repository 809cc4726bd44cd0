"""The helpers that read blocks, run steps and report missing things."""

from pathlib import Path

import pytest

from music_pipeline_tests.docs.markdown import blocks_in, without_comment
from music_pipeline_tests.docs.shell import Step, run_steps
from music_pipeline_tests.docs.test_commands import problems_of

PAGE = """
Text.

<!-- not run: it takes hours -->
```sh
make soak      # long
echo one \\
    two
# only a comment
```

```sql
SELECT 1
```
<!-- printed -->
```text
 1
```
"""


def test_blocks_have_their_marks_and_lines(tmp_path: Path) -> None:
    file = tmp_path / "page.md"
    file.write_text(PAGE)
    soak, select, printed = blocks_in(file)
    assert (soak.language, soak.mark, soak.why) == ("sh", "not run", "it takes hours")
    assert soak.commands() == [(6, "make soak      # long"), (7, "echo one \\\n    two")]
    assert (select.language, select.mark, select.text, select.place) == ("sql", None, "SELECT 1", "page.md:12")
    assert printed.mark == "printed"


def test_trailing_comment_is_cut_from_a_command() -> None:
    assert without_comment("make demo    # 25 artists") == "make demo"
    assert without_comment("echo a#b") == "echo a#b"


def test_steps_share_one_shell(tmp_path: Path) -> None:
    steps = [Step("a:1", "export WHO=me"), Step("a:2", 'echo "$WHO"'), Step("a:3", "false # fails")]
    first, second, third = run_steps(steps, folder=tmp_path, environment={"PATH": "/bin:/usr/bin"}, outputs=tmp_path)
    assert (first.code, second.code, third.code) == (0, 0, 1)
    assert second.output == "me\n"


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        ("make nothing", "nothing"),
        ("music-pipeline --demo status --nonsense", "no --nonsense"),
        ("node scripts/nothing.cjs", "no scripts/nothing.cjs"),
    ],
)
def test_missing_targets_and_flags_are_reported(checkout_folder: Path, command: str, complaint: str) -> None:
    assert complaint in " ".join(problems_of(checkout_folder, command, {}))
