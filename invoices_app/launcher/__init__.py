"""Starting the whole program: database, migrations, web server, and keeping them up.

Knows the settings and `invoices_app.db` only, never a feature: the app runs in processes of its own.
"""
