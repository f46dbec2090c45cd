"""Write every generated page into the directory that is named."""

import sys
from pathlib import Path

from wardgate.server.reference import PAGES

for name, page in PAGES.items():
    (Path(sys.argv[1]) / name).write_text(page(), encoding="utf-8")
