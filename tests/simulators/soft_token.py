"""A token of SoftHSM: a real PKCS #11 module, in files of the test."""

import os
import subprocess
from pathlib import Path

LIBRARY = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN, SO_PIN = "135790", "24680135"


class SoftToken:
    """A directory of tokens. NOTE: the module reads its configuration once in a process: one directory for each test process."""

    def __init__(self, directory: Path) -> None:
        self.configuration = directory / "softhsm2.conf"
        (directory / "tokens").mkdir()
        self.configuration.write_text(f"directories.tokendir = {directory / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n", encoding="ascii")
        os.environ["SOFTHSM2_CONF"] = str(self.configuration)

    def make(self, label: str, pin: str = PIN) -> str:
        """Make a token; return its label."""
        self._util("--init-token", "--free", "--label", label, "--so-pin", SO_PIN, "--pin", pin)
        return label

    def _util(self, *words: str) -> None:
        subprocess.run(["softhsm2-util", *words], check=True, capture_output=True, timeout=60, env={**os.environ, "SOFTHSM2_CONF": str(self.configuration)})
