"""Texts made clean: steps that say what they do, a preview on real rows, and a plan that a store can apply and undo.

`steps.STEPS` lists the steps in the order they run; `preview.preview` shows them at work; `pipeline.plan` streams over
the rows and tells what would change. Nothing here writes anything.
"""
