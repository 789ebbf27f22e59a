"""Names the likely cause of a failed or hung LLM server, with its evidence and a fix."""

__version__ = "0.1.0"
