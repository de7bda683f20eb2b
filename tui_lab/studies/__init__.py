"""Studies: presets with several arms, each trained with one or more seeds, and what came out beside what is published.

Nothing here imports torch: a study is planned, followed and judged from presets and run directories.
"""
