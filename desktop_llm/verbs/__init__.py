"""What a person can do with a project, said once for the window and the command line.

The verbs join data, store, jobs and tasks; the engine is imported inside functions only. No Qt. All of them may be
slow: the window calls them from a background thread.
"""
