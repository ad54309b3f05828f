"""The main job, end to end against a running server, by clients that know HTML and nothing of our code."""
