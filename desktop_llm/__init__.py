"""desktop_llm: label data, train Transformer models and export them, all on this machine.

Only the version lives here, so that importing the package costs nothing; start it with
`desktop-llm` or `python -m desktop_llm`.
"""

__version__ = "0.1.0"
