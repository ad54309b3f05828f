"""How the statements of every page run on a great deal of data: none may read a table from end to end.

`tests/whole_app/test_plans.py` asks it of some ten thousand invoices in every `make test`, and
`python -m tests.plans DATA_DIR` of a million. Both go through the same pages, of `pages`, and hold the same limits.
"""
