"""Renderings of a report, one file per format; ``attest.report.RENDERERS`` is their table."""
