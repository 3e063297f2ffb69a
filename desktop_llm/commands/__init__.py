"""The command line's verbs, a file for each group of them; a file has `declare`, which makes the parsers."""

VERBS = {
    "tasks": "projects",
    "new": "projects",
    "import": "importing",
    "label": "importing",
    "rows": "rows",
    "clean": "cleaning",
    "personal": "personal",
    "split": "splitting",
    "profile": "profiling",
    "snapshot": "snapshots",
    "history": "history",
    "bundle": "people",
    "join": "people",
    "agreement": "people",
    "train": "training",
    "resume": "training",
    "runs": "training",
    "evaluate": "training",
    "predict": "models",
    "export": "models",
    "suggest": "looping",
    "mistakes": "looping",
    "advise": "looping",
    "check": "projects",
}
"""Which file a verb stands in: only that one is loaded."""
