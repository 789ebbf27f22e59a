"""A diagnosis in one output format each; floor 10, pure."""
