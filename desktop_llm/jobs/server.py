"""What a server needs beside a run folder to train it: one command line, a Slurm file, and words for a person."""

from __future__ import annotations

from dataclasses import dataclass

from desktop_llm.errors import UserError

MOST_GPUS, MOST_NODES, MOST_HOURS = 64, 1000, 720
RESTARTS = 3
PORT = 29500
LEAVE_SECONDS = 120
"""So long before its time is over a Slurm job is asked to leave, to write a last checkpoint."""
CORES_A_GPU = 4
SETUP = "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt"
"""What makes a fresh server ready, once, in the unpacked folder."""
HOURS = 24
"""Asked for where nothing is known of how long it takes."""
SAFETY = 3.0
"""So many times the time that was reckoned is asked for: a card's rate is an estimate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What is asked for: GPUs on each machine (0: its processor alone), machines, hours."""

    gpus: int = 1
    nodes: int = 1
    hours: int = HOURS

    @property
    def processes(self) -> int:
        """How many processes train on each machine."""
        return max(1, self.gpus)


def check(server: Server) -> None:
    """Raises UserError for what no server has."""
    for name, value, least, most in (
        ("GPUs", server.gpus, 0, MOST_GPUS),
        ("machines", server.nodes, 1, MOST_NODES),
        ("hours", server.hours, 1, MOST_HOURS),
    ):
        if not least <= value <= most:
            raise UserError(f"The number of {name} is between {least} and {most}, not {value}.")
    if not server.gpus and server.nodes > 1:
        raise UserError("Several machines train together on their GPUs; ask for at least one GPU on each.")


def launch(server: Server, name: str, host: str = "$1") -> str:
    """The one line that trains the run in the folder `run`; `host` is the first of several machines."""
    engine = "-m desktop_llm.engine run"
    if server.nodes == 1 and server.processes == 1:
        return f'"$PYTHON" {engine}'
    begin = f'"$PYTHON" -m torch.distributed.run --nproc-per-node {server.processes} --max-restarts {RESTARTS}'
    if server.nodes == 1:
        return f"{begin} --standalone {engine}"
    meet = f"--nnodes {server.nodes} --rdzv-backend c10d --rdzv-endpoint {host}:{PORT} --rdzv-id {name}"
    return f"{begin} {meet} {engine}"


def start_line(server: Server) -> str:
    """What to type in the unpacked folder."""
    return "sh run.sh" if server.nodes == 1 else "sbatch run.slurm"


def script(server: Server, name: str) -> str:
    """`run.sh`."""
    lines = ["#!/bin/sh", "# Trains the run in this folder, or goes on with it from its last checkpoint."]
    if server.nodes > 1:
        lines += [
            f"# On each of the {server.nodes} machines: sh run.sh HOST, where HOST is the name of the first one.",
            ': "${1:?the name of the first machine is missing}"',
        ]
    lines += ['cd "$(dirname "$0")" || exit 1', *_environment(), f"exec {launch(server, name)}"]
    return "\n".join(lines) + "\n"


def slurm(server: Server, name: str) -> str:
    """`run.slurm`."""
    gpus = [f"#SBATCH --gpus-per-node={server.gpus}"] if server.gpus else []
    hosts = ['first="$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)"'] if server.nodes > 1 else []
    lines = [
        "#!/bin/bash",
        "# In this folder: sbatch run.slurm. Submitted again, it goes on from the last checkpoint.",
        "# Your cluster may want a partition or an account, too: add #SBATCH --partition=… --account=…",
        f"#SBATCH --job-name={name}",
        f"#SBATCH --nodes={server.nodes}",
        "#SBATCH --ntasks-per-node=1",
        f"#SBATCH --cpus-per-task={CORES_A_GPU * server.processes}",
        *gpus,
        f"#SBATCH --time={server.hours}:00:00",
        f"#SBATCH --signal=TERM@{LEAVE_SECONDS}",
        "#SBATCH --requeue",
        "#SBATCH --open-mode=append",
        "#SBATCH --output=slurm.log",
        'cd "$SLURM_SUBMIT_DIR" || exit 1',
        *_environment(),
        *hosts,
        f"srun {launch(server, name, '$first')}",
    ]
    return "\n".join(lines) + "\n"


def _environment() -> list[str]:
    """The program and its Python, `.venv` before any other; where that lacks the libraries it says so and ends."""
    look = (
        "import importlib.util as look, sys; sys.exit(any(look.find_spec(name) is None for name in ('numpy', 'torch')))"
    )
    words = f"The libraries are missing: once, in this folder, with Python 3.11 or newer: {SETUP}"
    return [
        'export PYTHONPATH="$PWD/program${PYTHONPATH:+:$PYTHONPATH}"',
        "[ -f .venv/bin/activate ] && . .venv/bin/activate",
        'PYTHON="$PWD/.venv/bin/python"',
        '[ -x "$PYTHON" ] || PYTHON=python3',
        f""""$PYTHON" -c "{look}" 2>/dev/null || {{ echo "{words}" >&2; exit 1; }}""",
    ]


def readme(server: Server, *, title: str, back: str) -> str:
    """`README.txt`; `title` says what was packed, `back` how it is taken back on a command line."""
    many = f"on {server.nodes} machines" if server.nodes > 1 else "on one machine"
    where = f"{many}, {server.gpus} GPUs each" if server.gpus else f"{many}, by its processor"
    return f"""{title}

THIS FOLDER HOLDS YOUR TEXTS with their labels, in run/snapshot. Whoever can read the folder can read them: put it
only where they may be, and delete it there when the run has come back.

Packed to be trained {where}. Nothing here opens a connection while it trains.

1. Once, with Python 3.11 or newer, in this folder:

       {SETUP}

   These are the versions with which it was prepared. For other drivers PyTorch may have to be another build of the
   same version: see pytorch.org.

2. Start it:

       {start_line(server)}

   or, where there is Slurm: sbatch run.slurm (look at its first lines, your cluster may want more).
   Broken off, out of time, stopped with Ctrl+C: the same line goes on from the last checkpoint.

3. When it has ended, or at any time before: bring the folder “run” back, as it is or as a ZIP

       zip -r back.zip run

   and take it into the project: Train, Take back from a server…, or

       {back}

   Taken back before its end, it shows how far it has come, and can be taken back again later.
"""
