"""Starting, watching and stopping the import worker."""

from __future__ import annotations

from invoices_app.launcher.child import Child


class ImportWorker(Child):
    """Does what people have asked to be imported. Killed in the middle, it leaves nothing half done."""

    name = "The import worker"
    module = "invoices_app.launcher.import_process"
