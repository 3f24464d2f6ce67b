"""Trainers and trackers: each asks the recorder alone, and imports its framework when it is used."""
