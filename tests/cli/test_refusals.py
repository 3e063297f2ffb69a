"""Wrong words, and projects that cannot do what is asked: the exit code, and one sentence that says what to do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import projects, run_folders
from tests.cli.conftest import Command

HOLDER = """
import sys
from pathlib import Path
from desktop_llm.store.project import Project
project = Project.open(Path(sys.argv[1]))
print("open", flush=True)
sys.stdin.read()
project.close()
"""


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("new PROJECT", "required: --task"),
        ("new OTHER --task clasification", "There is no task “clasification”; choose one of"),
        ("import PROJECT", "required: FILE"),
        ("import PROJECT FILE --split dev", "invalid choice: 'dev'"),
        ("import PROJECT FILE --map text", "--map takes FIELD=COLUMN, not “text”"),
        ("label PROJECT", "required: --from"),
        ("train PROJECT --set learnig_rate=1", "no setting “learnig_rate”; the nearest one is “learning_rate”"),
        ("train PROJECT --set batch_size=8", "the nearest one is “per_device_train_batch_size”"),
        ("train PROJECT --set learning_rate=fast", "“learning_rate” takes a number, not “fast”"),
        ("train PROJECT --set hidden_size=1.5", "“hidden_size” takes a whole number, not “1.5”"),
        ("train PROJECT --set learning_rate=-1", "“learning_rate” is at least 1e-08, not -1.0"),
        ("train PROJECT --set learning_rate=nan", "“learning_rate” is at least"),
        (
            "train PROJECT --set lr_scheduler_type=step",
            "one of linear, cosine, constant, warmup_stable_decay, not “step”",
        ),
        ("train PROJECT --set seed", "--set takes KEY=VALUE, not “seed”"),
        ("train PROJECT --set hidden_size=30", "The embedding width (30) must be divisible by"),
        ("train PROJECT --set metric_for_best_model=beauty", "no measure “beauty”"),
        ("train PROJECT --set balance_by=nope", "cannot be balanced by “nope” (balance_by); choose one of"),
        ("train PROJECT --estimate --set nonsense=1", "no setting “nonsense”"),
        ("resume PROJECT one", "invalid int value: 'one'"),
        ("evaluate PROJECT 1 --split all", "invalid choice: 'all'"),
        ("predict PROJECT hello", "needs the number of a run"),
        ("predict PROJECT one hello", "needs the number of a run"),
        ("predict OTHER 1 hello", "An exported folder needs one text or file"),
        ("export PROJECT 1", "required: --to"),
        (
            "export PROJECT 1 --format pickle --to OTHER",
            "no export format “pickle”; choose one of huggingface, adapter,",
        ),
        ("imprt PROJECT FILE", "no command and no project “imprt”; the nearest command is “import”"),
        ("trian", "the nearest command is “train”"),
        ("snapshot PROJECT --to OTHER", "--to writes the rows of one run"),
        ("check PROJECT more", "unrecognized arguments: more"),
    ],
)
def test_a_wrong_word_is_named(command: Command, tmp_path: Path, words: str, told: str) -> None:
    places = {"PROJECT": projects.make(tmp_path / "Tickets"), "FILE": tmp_path / "rows.csv", "OTHER": tmp_path / "new"}
    projects.write_csv(places["FILE"], run_folders.rows(4))
    said = command(*(places.get(word, word) for word in words.split()))
    assert said.code == 2
    assert told in said.err
    assert not places["OTHER"].exists()
    assert projects.counts(places["PROJECT"]) == (104, 104)


@pytest.mark.parametrize(
    ("recipe", "told"),
    [
        ("learning_rate =\n", "is not valid TOML: Invalid value (at line 1"),
        ("learning_rate = 99\n", "“learning_rate” is at most 10.0, not 99.0"),
        ("learnig_rate = 1\n", "the nearest one is “learning_rate”"),
        ('hidden_size = "wide"\n', "“hidden_size” takes a whole number, not “wide”"),
        ("\udcff", "is not valid TOML"),
        (None, "it does not exist; check the path"),
    ],
)
def test_a_wrong_recipe_file_is_named(
    command: Command, project: Path, tmp_path: Path, recipe: str | None, told: str
) -> None:
    file = tmp_path / "mine.toml"
    if recipe is not None:
        file.write_bytes(recipe.encode("utf-8", "surrogateescape"))
    said = command("train", project, "--recipe", file)
    assert said.code == 2
    assert str(file) in said.err
    assert told in said.err
    assert list((project / "runs").iterdir()) == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("import NOWHERE FILE", "is not there; choose a folder that holds project.db"),
        ("check FOLDER", "is no project; choose a folder that holds project.db"),
        ("runs FILE", "is not there"),
        ("new FILE --task text_classification", "is there already and not an empty folder"),
        ("resume PROJECT 7", "no run 7; it has none yet, train one"),
        ("evaluate PROJECT 7", "no run 7"),
        ("predict PROJECT 7 hello", "no run 7"),
        ("export PROJECT 7 --to NOWHERE", "no run 7"),
        ("predict NOWHERE hello", "There is no folder"),
        ("predict FOLDER hello", "is not a model that this program trained"),
        ("train PROJECT --set model=NOWHERE", "There is no model folder “NOWHERE”"),
        ("train PROJECT --set model=~nobody-here/model", "There is no model folder “~nobody-here/model”"),
        ("import PROJECT ~nobody-here/rows.csv", "~nobody-here/rows.csv"),
        ("check ~nobody-here/Tickets", "is not there; choose a folder that holds project.db"),
    ],
)
def test_what_cannot_be_done_says_why(command: Command, tmp_path: Path, words: str, told: str) -> None:
    places = {name: tmp_path / name.casefold() for name in ("NOWHERE", "FOLDER", "FILE")}
    places["PROJECT"] = projects.make(tmp_path / "Tickets")
    places["FOLDER"].mkdir()
    projects.write_csv(places["FILE"], run_folders.rows(4))
    before = sorted(tmp_path.rglob("*"))
    said = command(*(places.get(word, word) for word in words.split()))
    assert said.code == 1
    assert told in said.err
    assert sorted(tmp_path.rglob("*")) == before
    assert projects.counts(places["PROJECT"]) == (104, 104)


@pytest.mark.parametrize(
    "words",
    [
        "new ~nobody-here/Tickets --task text_classification",
        "new ~nobody-here --task text_classification",
        "export PROJECT 1 --to ~nobody-here/model",
        "export PROJECT 1 --zip --to ~nobody-here/model.zip",
        "shrink PROJECT 1 --layers 1 --to ~nobody-here/start",
    ],
)
def test_no_folder_is_made_for_a_home_that_is_not_there(
    command: Command, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    said = command(*(str(trained) if word == "PROJECT" else word for word in words.split()))
    assert said.code == 1
    assert "“~nobody-here” is no home folder on this computer; type the whole path." in said.err
    assert not Path("~nobody-here").exists()
    assert [run.name for run in (trained / "runs").iterdir()] == ["0001"]


def test_a_folder_may_be_called_like_a_home(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("~nobody-here").mkdir()
    assert command("new", "~nobody-here/Tickets", "--task", projects.TASK).code == 0
    assert (tmp_path / "~nobody-here" / "Tickets" / "project.db").is_file()


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([], "no labeled texts yet; label at least two texts of two different labels"),
        ([("one", "a"), ("two", "a"), ("three", "a")], "All 3 labeled texts have the label “a”; label some texts with"),
        ([("one", "a"), ("two", "b")], "has only 1 labeled text; label at least two of each label"),
        ([("one", "a"), ("two", "a"), ("three", "b")], "The label “b” has only 1 labeled text"),
    ],
)
@pytest.mark.parametrize("more", [[], ["--estimate"]])
def test_too_few_labels_to_train_on(
    command: Command, tmp_path: Path, rows: list[tuple[str, str]], told: str, more: list[str]
) -> None:
    path = tmp_path / "Tickets"
    command("new", path, "--task", projects.TASK)
    if rows:
        file = projects.write_csv(tmp_path / "a.csv", [{"text": text, "label": label} for text, label in rows])
        command("import", path, file)
    said = command("train", path, *projects.settings(), *more)
    assert said.code == 1
    assert told in said.err
    assert list((path / "runs").iterdir()) == []
    assert projects.counts(path) == (len(rows), len(rows))


@pytest.fixture
def held(trained: Path) -> Iterator[tuple[Path, int]]:
    """A trained project that another process has open, and that process's number."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(trained)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        yield trained, process.pid
        process.communicate()
        assert process.returncode == 0


def test_a_project_that_another_has_open_can_be_read_and_not_written(
    command: Command, held: tuple[Path, int], tmp_path: Path
) -> None:
    path, holder = held
    file = projects.write_csv(tmp_path / "rows.csv", run_folders.rows(4, seed=9))
    for words in (
        ("import", path, file),
        ("label", path, "--from", file),
        ("train", path, *projects.settings()),
        ("resume", path, 1),
    ):
        said = command(*words)
        assert said.code == 1
        assert "can only be read now" in said.err
        assert f"process {holder}" in said.err
    for words in (
        ("runs", path),
        ("evaluate", path, 1),
        ("predict", path, 1, "soup"),
        ("export", path, 1, "--to", tmp_path / "handed on"),
        ("check", path),
    ):
        assert command(*words).code == 0
