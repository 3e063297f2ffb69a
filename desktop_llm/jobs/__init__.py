"""What passes between the window and the engine: the recipe, the job, the events, the run folder's format.

Plain frozen dataclasses and their JSON; no Qt, no torch, no SQL, and no task's name.
"""
