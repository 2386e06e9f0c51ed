"""One's own preparation, `data.prepare: module:function`: run in a process of its own, its rows taken from there.

The function may import anything, fetch from anywhere and change what it likes in its process: nothing of it reaches
the flow but the rows.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from components.data import own_preparation_process
from components.data.files import Content
from components.errors import CannotWrite, InvalidData


def prepared_rows(prepare: str, *, base_dir: Path, scratch: Path) -> Content | str:
    """What the function returned: rows as a Parquet file, or where the rows are.

    Args:
        prepare: `module:function`; the module is looked for below `base_dir` first.
        base_dir: The project's folder, and the function's working folder.
        scratch: Folder for what passes between the processes.

    Raises:
        InvalidData: There is no such function, it failed, or returned something else; its last lines are told.
        CannotWrite: The scratch folder cannot be written.
    """
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=scratch) as folder:
            # -P: its own folder holds modules that the function's imports must not meet.
            command = [sys.executable, "-P", own_preparation_process.__file__, prepare, str(base_dir), folder]
            ended = subprocess.run(command, cwd=base_dir, capture_output=True, text=True, errors="replace", check=False)
            answer = Path(folder) / own_preparation_process.ANSWER
            if ended.returncode or not answer.exists():
                said = ended.stderr.strip().rpartition("\n")[2] or f"exit code {ended.returncode}"
                raise InvalidData("data.prepare", [f"{prepare} must return rows, got: {said}"])
            told = json.loads(answer.read_bytes())
            if told["kind"] == "where":
                return str(told["where"])
            rows = (Path(folder) / own_preparation_process.ROWS).read_bytes()
            return Content(name=f"{prepare}.parquet", content=rows)
    except OSError as error:
        raise CannotWrite(f"cannot run data.prepare in {scratch} ({error.strerror or error})") from error
