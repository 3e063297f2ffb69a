"""Runs packed for a server: what goes along, what is asked for there, and what is not packed."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import venv
import zipfile
from pathlib import Path

import pytest

from desktop_llm.engine import worker
from desktop_llm.errors import Cancelled, UserError
from desktop_llm.jobs import recipe as recipes
from desktop_llm.jobs import server
from desktop_llm.jobs.control import Control
from desktop_llm.jobs.server import Server
from desktop_llm.store.project import Project
from desktop_llm.verbs import packing, queueing, rerunning, returning, training
from tests import projects
from tests.servers import PROCESSOR, RECIPE, Away, environment, unpack, until


def _imports(source: str) -> set[str]:
    """The modules of ours that a file imports, by the longest name that may be one."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return {name for name in found if name.startswith("desktop_llm.")}


def test_the_pack_holds_the_engine_whole_and_no_place_of_this_machine(away: Away) -> None:
    with zipfile.ZipFile(away.pack) as packed:
        told = {name.partition("/")[2]: packed.read(name) for name in packed.namelist()}
    program = {name for name in told if name.startswith("program/")}
    for name in program:
        for module in _imports(told[name].decode()):
            if not module.endswith(".screen") and not module.startswith("desktop_llm.widgets"):
                place = "program/" + module.replace(".", "/")
                assert {f"{place}.py", f"{place}/__init__.py"} & program, f"{name} imports {module}"
    assert not any("/gui/" in name or "/store/" in name for name in program)
    assert sum(len(told[name]) for name in program) < 2_000_000
    here = str(away.pack.parent).encode()
    assert [name for name, content in told.items() if here in content] == []
    assert b"YOUR TEXTS" in told["README.txt"]
    assert b"sh run.sh" in told["README.txt"]
    assert b'exec "$PYTHON" -m desktop_llm.engine run' in told["run.sh"]
    assert all("==" in line for line in told["requirements.txt"].decode().splitlines())
    assert b"+" not in told["requirements.txt"]
    script = "import desktop_llm, sys; print(desktop_llm.__file__)"
    env = {**environment(away.server), "PYTHONPATH": "program"}
    said = subprocess.run(["python", "-c", script], cwd=away.server, env=env, capture_output=True, text=True)
    assert Path(said.stdout.strip()).is_relative_to(away.server)


def test_a_model_folder_goes_along_and_adapters_come_back_to_it(trained: Path, tmp_path: Path) -> None:
    model = (trained / "runs" / "0001" / "model").resolve()
    values = {"model": str(model), "lora_r": 2, "max_steps": 4, "num_train_epochs": 1.0}
    project = Project.open(trained)
    try:
        number = packing.pack_new(project, recipes.changed(RECIPE, values), tmp_path / "pack.zip", PROCESSOR).number
        there = unpack(tmp_path / "pack.zip", tmp_path / "server")
        assert json.loads((there / "run" / "job.json").read_text())["recipe"]["model"] == "start"
        project.path.rename(tmp_path / "nowhere")
        worker.train_here(str(there / "run"), lambda event: None, Control())
        (tmp_path / "nowhere").rename(project.path)
        assert returning.take(project, there).run.state == "finished"
        adapter = project.runs.folder(number).adapter
        assert json.loads((adapter / "base.json").read_text())["folder"] == str(model)
        assert json.loads((adapter / "adapter_config.json").read_text())["base_model_name_or_path"] == str(model)
        assert project.check() == []
    finally:
        project.close()


def test_while_it_is_away_nothing_happens_to_it_here(away: Away, tmp_path: Path) -> None:
    with away.opened() as project:
        for attempt in (
            lambda: training.resumable(project, 1),
            lambda: rerunning.prolong(project, 1, {"num_train_epochs": 9.0}),
            lambda: queueing.remove(project, 1),
            lambda: packing.pack(project, 1, tmp_path / "twice.zip", PROCESSOR),
        ):
            with pytest.raises(UserError, match="Run 1 is on a server"):
                attempt()
        assert project.runs.queued() == []
        assert [run.number for run in project.runs.away()] == [1]
        packing.call_back(project, 1)
        training.resumable(project, 1)
        assert project.runs.get(1).state == "interrupted"
        with pytest.raises(UserError, match="is not on a server"):
            packing.call_back(project, 1)
        assert returning.take(project, away.server).run.state == "finished"  # it never began here


def test_a_pack_that_cannot_be_written_leaves_all_as_it_was(project_path: Path, tmp_path: Path) -> None:
    def stop() -> bool:
        return True

    project = Project.open(project_path)
    try:
        for to, words in (
            (project_path / "inside.zip", "project's own folder"),
            (tmp_path / "no ending", "ends in .zip"),
            (tmp_path / "gone" / "pack.zip", "does not exist"),
        ):
            with pytest.raises(UserError, match=words):
                packing.pack_new(project, RECIPE, to, PROCESSOR)
        with pytest.raises(Cancelled):
            packing.pack_new(project, RECIPE, tmp_path / "pack.zip", PROCESSOR, should_stop=stop)
        assert project.runs.all() == []
        number = queueing.add(project, RECIPE)
        with pytest.raises(Cancelled):
            packing.pack(project, number, tmp_path / "pack.zip", PROCESSOR, should_stop=stop)
        assert project.runs.get(number).state == "queued"
        assert list(tmp_path.glob("*.zip")) == []
        about = packing.size(project, number, RECIPE)
        whole = packing.pack(project, number, tmp_path / "pack.zip", PROCESSOR).bytes
        assert whole < about < 4 * whole
        assert packing.size(project, None, RECIPE) < 2 * about
    finally:
        project.close()


def test_a_file_that_is_there_is_replaced_only_where_that_was_asked_for(project_path: Path, tmp_path: Path) -> None:
    (tmp_path / "pack.zip").write_text("of somebody")
    project = Project.open(project_path)
    try:
        number = queueing.add(project, RECIPE)
        with pytest.raises(UserError, match=r"pack.zip” is there already; choose another name"):
            packing.pack(project, number, tmp_path / "pack.zip", PROCESSOR)
        with pytest.raises(UserError, match=r"pack.zip” is there already; choose another name"):
            packing.pack_new(project, RECIPE, tmp_path / "pack.zip", PROCESSOR)
        assert [run.state for run in project.runs.all()] == ["queued"]
        assert (tmp_path / "pack.zip").read_text() == "of somebody"
        told = packing.pack(project, number, tmp_path / "pack.zip", PROCESSOR, replace_it=True)
        assert zipfile.is_zipfile(told.path)
    finally:
        project.close()


def test_what_is_looked_through_before_a_byte_is_packed_can_be_stopped(away: Away, tmp_path: Path) -> None:
    told: list[float] = []
    with away.opened() as project:
        returning.take(project, until(away, 20, tmp_path / "half").path)
        before = project.runs.get(1)
        with pytest.raises(Cancelled):
            packing.pack(
                project,
                1,
                tmp_path / "pack.zip",
                PROCESSOR,
                on_progress=lambda fraction, words: told.append(fraction),
                should_stop=lambda: len(told) > 3,
            )
        assert told == [0.0] * 4
        assert project.runs.get(1) == before


@pytest.fixture
def project_path(tmp_path: Path) -> Path:
    """A project of 104 labelled rows."""
    return projects.make(tmp_path / "Tickets")


def test_what_has_ended_is_not_packed(trained: Path, tmp_path: Path) -> None:
    project = Project.open(trained)
    try:
        with pytest.raises(UserError, match="Run 1 has ended; train it longer"):
            packing.pack(project, 1, tmp_path / "pack.zip", PROCESSOR)
    finally:
        project.close()


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        (Server(gpus=0), '"$PYTHON" -m desktop_llm.engine run'),
        (Server(gpus=1), '"$PYTHON" -m desktop_llm.engine run'),
        (
            Server(gpus=4, hours=72),
            '"$PYTHON" -m torch.distributed.run --nproc-per-node 4 --max-restarts 3 --standalone'
            " -m desktop_llm.engine run",
        ),
        (
            Server(gpus=8, nodes=2),
            '"$PYTHON" -m torch.distributed.run --nproc-per-node 8 --max-restarts 3 --nnodes 2 --rdzv-backend c10d'
            " --rdzv-endpoint $first:29500 --rdzv-id run-0007 -m desktop_llm.engine run",
        ),
    ],
)
def test_slurm_is_asked_for_what_was_chosen(asked: Server, line: str, tmp_path: Path) -> None:
    told = server.slurm(asked, "run-0007")
    assert told.splitlines()[-1] == f"srun {line}"
    assert f"#SBATCH --nodes={asked.nodes}\n" in told
    assert f"#SBATCH --time={asked.hours}:00:00\n" in told
    assert (f"#SBATCH --gpus-per-node={asked.gpus}\n" in told) == (asked.gpus > 0)
    for name, words in (("run.slurm", told), ("run.sh", server.script(asked, "run-0007"))):
        (tmp_path / name).write_text(words)
        assert subprocess.run(["bash", "-n", name], cwd=tmp_path, env=dict(os.environ)).returncode == 0


def test_on_a_fresh_server_it_says_how_to_make_it_ready(tmp_path: Path) -> None:
    venv.create(tmp_path / "bare", with_pip=False)
    (tmp_path / "run.sh").write_text(server.script(PROCESSOR, "run-0007"))
    for place in (str(tmp_path / "bare" / "bin"), str(tmp_path / "no python")):
        env = {"PATH": place, "HOME": str(tmp_path)}
        (tmp_path / "no python").mkdir(exist_ok=True)
        for tool in ("dirname", "sh"):
            (Path(place) / tool).symlink_to(str(shutil.which(tool)))
        said = subprocess.run(["sh", "run.sh"], cwd=tmp_path, env=env, capture_output=True, text=True)
        assert said.returncode == 1
        assert said.stderr.count("\n") == 1
        assert said.stderr.rstrip().endswith(server.SETUP)


@pytest.mark.parametrize("before", ["", "/of/the cluster"])
def test_its_own_python_goes_before_and_the_path_of_a_cluster_stays(tmp_path: Path, before: str) -> None:
    own = tmp_path / ".venv" / "bin" / "python"
    own.parent.mkdir(parents=True)
    own.write_text('#!/bin/sh\n[ "$1" = -c ] || echo "$PYTHONPATH $*"\n')
    own.chmod(0o755)
    (tmp_path / "run.sh").write_text(server.script(PROCESSOR, "run-0007"))
    env = environment(tmp_path) | ({"PYTHONPATH": before} if before else {})
    said = subprocess.run(["sh", "run.sh"], cwd=tmp_path, env=env, capture_output=True, text=True)
    path = f"{tmp_path}/program" + (f":{before}" if before else "")
    assert said.stdout == f"{path} -m desktop_llm.engine run\n"


@pytest.mark.parametrize("asked", [Server(gpus=-1), Server(nodes=0), Server(hours=0), Server(gpus=0, nodes=2)])
def test_what_no_server_has_is_refused(asked: Server) -> None:
    with pytest.raises(UserError):
        server.check(asked)


def test_a_run_is_asked_to_use_what_is_there(away: Away) -> None:
    with away.opened() as project:
        job = project.runs.folder(1).job()
    assert job.recipe.device == "cpu"
    assert packing.packed_job(job, Server(gpus=2)).recipe.device == "auto"
    assert packing.packed_job(job, PROCESSOR).recipe.device == "cpu"
