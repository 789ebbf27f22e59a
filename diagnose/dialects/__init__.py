"""How each program, launcher and CI system writes a log line; one file a family.

Floor 1: pure; `document` is the only module that imports from here. `text` makes bytes
readable, `envelopes` takes off what a CI system or container runtime put around a line, the other
files take one header each off the front of what is left and note in a `Reading` what it says.
`headers` tries them by the first character, so a line that none of them knows costs next to nothing.
"""
